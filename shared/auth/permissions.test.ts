import { describe, expect, it } from "vitest";
import { type Scope, scopes } from "../keys/apiKey.ts";
import { type MemberRole, memberRoles } from "../members/member.ts";
import { authorize } from "./authenticate.ts";
import type { Caller } from "./caller.ts";
import { type Permission, type Role, allows, may, permissions, scopesOf, scopesOfRole } from "./permissions.ts";

/** What each role may, written out once more and the other way round: nobody gets more by a slip in one list. */
const auditor: readonly Permission[] = [
  "access:read",
  "operations:read",
  "tenant:read",
  "templates:read",
  "surveys:read",
  "videos:read",
  "videos:play",
  "audit:read",
];
const surveyor: readonly Permission[] = [
  "operations:read",
  "tenant:read",
  "templates:read",
  "surveys:create",
  "surveys:read",
  "surveys:send",
  "surveys:decide",
  "videos:read",
  "videos:play",
  "videos:retry",
];
const admin: readonly Permission[] = [
  ...surveyor,
  "access:read",
  "members:manage",
  "keys:manage",
  "templates:manage",
  "webhooks:manage",
  "events:read",
  "audit:read",
];
const held: Readonly<Record<Exclude<Role, "service">, readonly Permission[]>> = {
  owner: [...admin, "access:manage"],
  admin,
  surveyor,
  auditor,
  operator: ["tenants:manage", "access:request", "operations:read"],
  support: ["surveys:read", "videos:read", "videos:play"],
  guest: ["guest:read", "guest:consent", "guest:answer", "guest:upload", "guest:submit"],
  person: ["invitation:accept"],
};
const roles = Object.keys(held) as (keyof typeof held)[];
const every = Object.keys(permissions) as Permission[];

const callerOf = (role: keyof typeof held): Caller =>
  (memberRoles.includes(role as MemberRole) ? { type: "member", role } : { type: role }) as Caller;
const service = (held: readonly string[]) => ({ type: "service", key: { scopes: held } }) as unknown as Caller;

describe("a permission", () => {
  it.each(roles)("is for the roles that have it, and no others: %s", (role) => {
    expect(every.filter((permission) => allows(permission, role)).sort()).toEqual([...held[role]].sort());
    expect(every.filter((permission) => may(callerOf(role), permission)).sort()).toEqual([...held[role]].sort());
  });

  it("that is public is everybody's, and nobody who is not signed in has another", () => {
    for (const role of [...roles, "service", "public"] as const) expect(allows("public", role)).toBe(true);
    expect(may({ type: "public" }, "public")).toBe(true);
    expect(every.filter((permission) => allows(permission, "public"))).toEqual([]);
    expect(every.filter((permission) => may({ type: "public" }, permission))).toEqual([]);
  });

  it("is a service's where its key names it and a key may have it", () => {
    for (const scope of scopes) {
      expect(every.filter((permission) => may(service([scope]), permission))).toEqual([scope]);
      expect(allows(scope, "service", [scope])).toBe(true);
    }
    expect(every.filter((permission) => may(service(every), permission)).sort()).toEqual([...scopes].sort());
    expect(every.filter((permission) => allows(permission, "service"))).toEqual([]);
  });

  it("is no member's by scopes that somebody else's key has", () => {
    expect(allows("members:manage", "surveyor", [...scopes])).toBe(false);
  });
});

describe("a refusal", () => {
  it.each<[string, Caller, Permission, string]>([
    ["a member", callerOf("auditor"), "members:manage", "Your role does not allow this"],
    ["a guest", callerOf("guest"), "surveys:read", "Your role does not allow this"],
    ["a key that could", service([]), "surveys:read", "This key does not have the scope surveys:read"],
    ["a key that no key could", service(every), "surveys:decide", "No scope of a key allows this"],
  ])("says what is missing: %s", (_who, caller, permission, message) => {
    expect(() => {
      authorize(caller, permission);
    }).toThrow(expect.objectContaining({ code: "forbidden", message }));
  });

  it("is for nobody who may", () => {
    expect(() => {
      authorize(callerOf("admin"), "members:manage");
      authorize(service(["surveys:read"]), "surveys:read");
    }).not.toThrow();
  });
});

describe("the scopes that somebody can give to a key", () => {
  const scopesAmong = (all: readonly Permission[]): Scope[] => scopes.filter((scope) => all.includes(scope));

  it.each(memberRoles)("are those that the role holds: %s", (role) => {
    expect(scopesOfRole(role)).toEqual(scopesAmong(held[role]));
    expect(scopesOf(callerOf(role))).toEqual(scopesAmong(held[role]));
  });

  it("are a key's own", () => {
    expect(scopesOf(service(["surveys:read", "audit:read", "surveys:decide"]))).toEqual(["surveys:read", "audit:read"]);
    expect(scopesOf({ type: "operator", id: "opr_0" })).toEqual([]);
  });
});
