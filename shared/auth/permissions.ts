import { type Scope, isScope, scopes } from "../keys/apiKey.ts";
import type { MemberRole } from "../members/member.ts";
import type { Caller } from "./caller.ts";

export type Role = MemberRole | "service" | "operator" | "support" | "guest" | "person";

const everyMember = ["owner", "admin", "surveyor", "auditor"] as const;
const surveyors = ["owner", "admin", "surveyor"] as const;
const admins = ["owner", "admin"] as const;

/**
 * The closed list of permissions and the roles that have each; whoever is not named is refused. A surveyor's permissions
 * on surveys reach those assigned to them (`shared/surveys/access.ts`), a guest's the survey of the own link.
 * `support` is an operator with a tenant's grant, for the one survey of it; `operator` alone sees no content.
 * `person` is anybody who is signed in, a member or not. A service has those that its key names, of the closed list of
 * `shared/keys/apiKey.ts`.
 */
export const permissions = {
  "tenants:manage": ["operator"],
  "access:request": ["operator"],
  "access:read": ["owner", "admin", "auditor"],
  "access:manage": ["owner"],
  "operations:read": ["operator", ...everyMember],
  "tenant:read": everyMember,
  "members:manage": admins,
  "keys:manage": admins,
  "templates:read": everyMember,
  "templates:manage": admins,
  "surveys:create": surveyors,
  "surveys:read": [...everyMember, "support"],
  "surveys:send": surveyors,
  "surveys:decide": surveyors,
  "videos:read": [...everyMember, "support"],
  "videos:play": [...everyMember, "support"],
  "videos:retry": surveyors,
  "webhooks:manage": admins,
  "events:read": admins,
  "audit:read": ["owner", "admin", "auditor"],
  "invitation:accept": ["person"],
  "guest:read": ["guest"],
  "guest:consent": ["guest"],
  "guest:answer": ["guest"],
  "guest:upload": ["guest"],
  "guest:submit": ["guest"],
} as const satisfies Record<Scope, readonly Role[]> & Record<string, readonly Role[]>;

export type Permission = keyof typeof permissions | "public";

/** Whether the role has the permission, a service by its key's scopes. `public` is for everybody and asks for no role. */
export function allows(permission: Permission, role: Role | "public", held: readonly Scope[] = []): boolean {
  if (permission === "public") return true;
  if (role === "service") return isScope(permission) && held.includes(permission);
  const roles: readonly (Role | "public")[] = permissions[permission];
  return roles.includes(role);
}

/** Whether the caller has the permission. */
export function may(caller: Caller, permission: Permission): boolean {
  if (caller.type === "service") return allows(permission, "service", caller.key.scopes);
  return allows(permission, caller.type === "member" ? caller.role : caller.type);
}

/** The scopes that a member of that role holds. */
export function scopesOfRole(role: MemberRole): readonly Scope[] {
  return scopes.filter((scope) => allows(scope, role));
}

/** The scopes that a caller holds, and so can give to a key. */
export function scopesOf(caller: Caller): readonly Scope[] {
  return scopes.filter((scope) => may(caller, scope));
}
