import { dirname } from "node:path/posix";
import { isDeepStrictEqual } from "node:util";
import { ownSecretNames } from "../../../shared/protection/ownSecrets.ts";
import {
  type Estate,
  type Policy,
  type Writable,
  property,
  setAt,
  the,
  types,
  valueAt,
  difference,
} from "../policy.ts";
import type { Resource } from "../snapshots.ts";

/** Built-in roles of Azure, by their ids; nothing but these and our own may be given to anybody. */
const roles: Readonly<Record<string, string>> = {
  "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "blob reader",
  "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "blob contributor",
  "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "blob owner",
  "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "queue contributor",
  "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "table contributor",
  "e147488a-f6f5-4113-8e2d-b22465e65bf6": "encryption user",
  "3913510d-42f4-4e42-8a64-420c390055eb": "metrics publisher",
};

/** Who may do what on which resource, once for each slot of an app. */
const wanted: readonly string[] = [
  "api: metrics publisher on appi",
  "api: blob contributor on data",
  "api: blob owner on apihost",
  "api: queue contributor on apihost",
  "api: table contributor on apihost",
  "api: blob reader on pack",
  "api: key unwrapper on key-ring",
  "worker: metrics publisher on appi",
  "worker: blob owner on data",
  "worker: queue contributor on data",
  "worker: blob owner on workerhost",
  "worker: queue contributor on workerhost",
  "worker: table contributor on workerhost",
  "worker: blob reader on pack",
  "worker: key wrapper on key-ring",
  "worker: key signer on log-seal",
  "worker: key signer on evidence-seal",
  "worker: mail sender on acs",
  ...ownSecretNames.flatMap((name) => [`api: secret reader on ${name}`, `worker: secret keeper on ${name}`]),
];
const ofEvents = "events: blob contributor on data";
const ofScans = "scans: blob contributor on data";
const atRest = "at-rest: encryption user on at-rest";
const ofImporter = "importer: blob contributor on data";
const ofCopies = [
  "exporter: blob contributor on container drop",
  "exporter: blob contributor on container work",
  "exporter: key wrapper on sandbox-pseudonyms",
  "importer of the sandbox: blob reader on container drop",
];

function expected({ environment }: Estate): readonly string[] {
  const slots = wanted.flatMap((each) => [each, each.replace(":", " (staging):")]);
  const others = { sandbox: [ofImporter], staging: [ofScans], production: [ofScans, atRest, ...ofCopies] }[environment];
  return [...slots, ofEvents, ...others];
}

/** Assignments as the list above says them; those that other rules refuse, by their role or their scope, are left out. */
function assignments(estate: Estate): readonly string[] {
  return estate
    .of(types.role)
    .filter((each) => isListed(estate, each) && isOnOne(each))
    .map((each) => {
      const who = whoIs(String(valueAt(each, "properties.principalId")));
      return `${who}: ${roleNameOf(estate, each) ?? ""} on ${placeOf(each.id)}`;
    });
}

/** What the role is called, of those built in that are listed and of our own. */
function roleNameOf(estate: Estate, assignment: Resource): string | undefined {
  const role = roleOf(assignment);
  const own = estate.of(types.roleDefinition).find(({ id }) => id === role);
  return own === undefined ? roles[role.split("/").at(-1) ?? ""] : nameOfOwn(own);
}

/** Of a role of ours, without the product's name and the environment's. */
function nameOfOwn(role: unknown): string {
  return /^Callpilot (?<name>.+) \(/u.exec(String(valueAt(role, "properties.roleName")))?.groups?.["name"] ?? "";
}

function roleOf(assignment: Resource): string {
  return String(valueAt(assignment, "properties.roleDefinitionId"));
}

function isListed(estate: Estate, assignment: Resource): boolean {
  return roleNameOf(estate, assignment) !== undefined;
}

function isOnOne({ id }: Resource): boolean {
  return id.split("/providers/").length >= 3;
}

/** The app, with its slot, that a principal's id is asked of; the id itself where it is none of ours. */
export function whoIs(principal: string): string {
  const site = /sites\/[\w-]+-(?<app>api|worker)(?<slot>\/slots\/staging)?'/u.exec(principal)?.groups;
  if (site !== undefined) return `${site["app"] ?? ""}${site["slot"] === undefined ? "" : " (staging)"}`;
  if (principal.includes("Microsoft.EventGrid/systemTopics")) return "events";
  if (principal.includes("Microsoft.EventGrid/topics")) return "scans";
  if (principal.includes("id-sandbox-export")) return "exporter";
  if (principal.includes("id-sandbox-import")) return "importer";
  // Of another environment, so that only its object id is known.
  if (/^[\da-f-]{36}$/u.test(principal)) return "importer of the sandbox";
  return principal.includes("id-at-rest") ? "at-rest" : principal;
}

/** What a role is on: the resource that the assignment extends. */
function placeOf(id: string): string {
  const scope = id.slice(0, id.lastIndexOf("/providers/Microsoft.Authorization"));
  const [type = "", name = ""] = scope.split("/").slice(-2);
  if (type === "storageAccounts") return name.slice("cpprodabcde".length);
  if (type === "keys" || type === "secrets") return name;
  if (type === "containers") return `container ${name}`;
  return name.split("-", 1)[0] ?? "";
}

/** What the api's role on recordings is bound to: actions, and the containers that they reach. */
const clausesOfApi = [
  ["read", "StartsWith videos-", "Equals ingest", "Equals protection", "Equals seals"],
  ["write", "add/action", "delete", "move/action", "StartsWith videos-", "Equals ingest"],
];

/** And the importer's on recordings of the sandbox. */
const clausesOfImporter = [["read", "write", "add/action", "delete", "move/action", "StartsWith videos-"]];

function clausesOf(assignment: unknown): string[][] {
  return String(valueAt(assignment, "properties.condition"))
    .split(/^AND$/mu)
    .map((clause) =>
      Array.from(
        clause.matchAll(/blobs\/(?<action>[a-z/]{1,40})'|String(?<how>[A-Z][A-Za-z]{1,40}) '(?<name>[a-z-]{1,40})'/gu),
        ({ groups }) => groups?.["action"] ?? `${groups?.["how"] ?? ""} ${groups?.["name"] ?? ""}`,
      ),
    );
}

function isOnDataOf(who: "api" | "importer", assignment: Pick<Resource, "id">): boolean {
  const isWhose = whoIs(String(valueAt(assignment, "properties.principalId"))).startsWith(who);
  return isWhose && placeOf(assignment.id) === "data";
}

/** Azure's roles: which there are, on what, and for whom. */
export const identityPolicies: readonly Policy[] = [
  {
    name: "nobody has a role that is not on the list",
    proves: "S10",
    broken: (estate) =>
      estate
        .of(types.role)
        .filter((each) => !isListed(estate, each))
        .map(({ id }) => id),
    fault: (resources) => {
      const owner = another(resources, the(resources, types.role));
      const role = String(valueAt(owner, "properties.roleDefinitionId"));
      setAt(owner, "properties.roleDefinitionId", `${dirname(role)}/8e3af657-a8ff-443c-a75c-2fe8c4bcb635`);
    },
  },
  property({
    name: "roles are for machines: people get theirs for a time, elsewhere",
    proves: "D1",
    types: [types.role],
    path: "properties.principalType",
    is: "ServicePrincipal",
    not: "User",
  }),
  {
    name: "every role is on one resource, never on all of them",
    proves: "S10",
    broken: (estate) =>
      estate
        .of(types.role)
        .filter((each) => !isOnOne(each))
        .map(({ name }) => name),
    fault: (resources) => {
      const given = another(resources, the(resources, types.role));
      const [group = ""] = given.id.split("/providers/", 1);
      given.id = `${group}/providers/${types.role}/${given.name}`;
    },
  },
  {
    name: "no identity has more than it uses, and none less",
    proves: "S6, S10",
    broken: (estate) => {
      const found = assignments(estate);
      const twice = found.filter((each, index) => found.indexOf(each) !== index);
      return [...difference(expected(estate), found), ...twice];
    },
    fault: (resources) => {
      const signs = resources.find(({ type, id }) => type === types.role && id.includes("keys/log-seal/"));
      const given = another(resources, signs);
      setAt(
        given,
        "properties.principalId",
        String(valueAt(given, "properties.principalId")).replace("-worker", "-api"),
      );
    },
  },
  {
    name: "the api writes recordings and manifests, neither the key ring nor seals, and sees no malware",
    proves: "S6, S10; audit: seals",
    broken: (estate) =>
      estate
        .of(types.role)
        .filter((each) => isOnDataOf("api", each) && !isDeepStrictEqual(clausesOf(each), clausesOfApi))
        .map(({ name }) => name),
    fault: (resources) => {
      const given = resources.find((each) => each.type === types.role && isOnDataOf("api", each));
      const condition = String(valueAt(given, "properties.condition"));
      setAt(given, "properties.condition", condition.replaceAll("'ingest'", "'seals'"));
    },
  },
  {
    name: "who fills a sandbox with a copy writes recordings there, and nothing else of their account",
    proves: "S10; sandbox copy",
    on: ["sandbox"],
    broken: (estate) =>
      estate
        .of(types.role)
        .filter((each) => isOnDataOf("importer", each) && !isDeepStrictEqual(clausesOf(each), clausesOfImporter))
        .map(({ name }) => name),
    fault: (resources) => {
      const given = resources.find((each) => each.type === types.role && isOnDataOf("importer", each));
      setAt(given, "properties.condition", null);
    },
  },
  {
    name: "production alone gives a copy away, and the sandbox alone takes one in",
    proves: "sandbox copy",
    broken: (estate) => {
      const wanted = { sandbox: ["import"], staging: [], production: ["export"] }[estate.environment];
      const found = estate.of(types.identity).flatMap(({ name }) => /^id-sandbox-(\w+)-/u.exec(name)?.[1] ?? []);
      return difference(wanted, found);
    },
    fault: (resources) => {
      resources.push({ type: types.identity, name: "id-sandbox-other-cp", id: "/id-sandbox-other-cp" });
    },
  },
  {
    name: "one service connection of the pipeline makes a half of a copy, and nobody else",
    proves: "S7; sandbox copy",
    on: ["sandbox", "production"],
    broken: (estate) => {
      const [one, ...others] = estate.of(types.federation);
      const issuer = String(valueAt(one, "properties.issuer"));
      const audiences = valueAt(one, "properties.audiences");
      const isRight = issuer.startsWith("https://") && isDeepStrictEqual(audiences, ["api://AzureADTokenExchange"]);
      return [...(isRight ? [] : ["pipeline"]), ...others.map(({ name }) => name)];
    },
    fault: (resources) => {
      const one = the(resources, types.federation);
      resources.push({ ...structuredClone(one), name: `${one.name}2`, id: `${one.id}2` });
    },
  },
  ownRole({
    name: "who sends mail does nothing else of the service",
    proves: "S10",
    role: "mail sender",
    allows: [
      "Microsoft.Communication/CommunicationServices/Read",
      "Microsoft.Communication/CommunicationServices/Write",
      "Microsoft.Communication/EmailServices/write",
    ],
    not: "Microsoft.Communication/CommunicationServices/Delete",
  }),
  ownRole({
    name: "who signs with a key reads it and signs, and does nothing else with it",
    proves: "S8, S10",
    role: "key signer",
    allows: ["Microsoft.KeyVault/vaults/keys/read", "Microsoft.KeyVault/vaults/keys/sign/action"],
    not: "Microsoft.KeyVault/vaults/keys/update/action",
  }),
  ownRole({
    name: "who wraps with a key reads it, wraps and unwraps, and does nothing else with it",
    proves: "S8, S10",
    role: "key wrapper",
    allows: [
      "Microsoft.KeyVault/vaults/keys/read",
      "Microsoft.KeyVault/vaults/keys/wrap/action",
      "Microsoft.KeyVault/vaults/keys/unwrap/action",
    ],
    not: "Microsoft.KeyVault/vaults/keys/backup/action",
  }),
  ownRole({
    name: "who only unwraps with a key does nothing else with it",
    proves: "S8, S10",
    role: "key unwrapper",
    allows: ["Microsoft.KeyVault/vaults/keys/unwrap/action"],
    not: "Microsoft.KeyVault/vaults/keys/wrap/action",
  }),
  ownRole({
    name: "who keeps a secret reads it, makes its next version and disables an earlier one, and deletes nothing",
    proves: "S6, S10",
    role: "secret keeper",
    allows: [
      "Microsoft.KeyVault/vaults/secrets/getSecret/action",
      "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
      "Microsoft.KeyVault/vaults/secrets/setSecret/action",
      "Microsoft.KeyVault/vaults/secrets/update/action",
    ],
    not: "Microsoft.KeyVault/vaults/secrets/delete",
  }),
  ownRole({
    name: "who only reads a secret does nothing else with it",
    proves: "S6, S10",
    role: "secret reader",
    allows: ["Microsoft.KeyVault/vaults/secrets/getSecret/action"],
    not: "Microsoft.KeyVault/vaults/secrets/setSecret/action",
  }),
  {
    name: "roles of ours can be given in their environment alone",
    proves: "S10",
    broken: (estate) =>
      estate
        .of(types.roleDefinition)
        .filter(({ id, ...role }) => {
          const [group] = id.split("/providers/", 1);
          return !isDeepStrictEqual(valueAt(role, "properties.assignableScopes"), [group]);
        })
        .map(nameOfOwn),
    fault: (resources) => {
      const role = the(resources, types.roleDefinition);
      const [subscription] = role.id.split("/resourceGroups/", 1);
      setAt(role, "properties.assignableScopes", [subscription]);
    },
  },
];

interface OwnRoleRule {
  readonly name: string;
  readonly proves: string;
  /** See {@link nameOfOwn}. */
  readonly role: string;
  readonly allows: readonly string[];
  /** Another action, for the fault. */
  readonly not: string;
}

/** The rule that a role of ours, which there is, allows these actions, of resources and of data, and no others. */
function ownRole({ role, allows, not, ...rule }: OwnRoleRule): Policy {
  const find = <T extends { readonly type: string }>(resources: readonly T[]): T | undefined =>
    resources.find((each) => each.type === types.roleDefinition && nameOfOwn(each) === role);
  return {
    ...rule,
    broken: ({ resources }) => {
      const permissions = (valueAt(find(resources), "properties.permissions") ?? []) as readonly Permission[];
      return difference(
        allows,
        permissions.flatMap(({ actions = [], dataActions = [] }) => [...actions, ...dataActions]),
      );
    },
    fault: (resources) => {
      const [permission] = valueAt(find(resources), "properties.permissions") as [Permission];
      setAt(permission, "dataActions", [...(permission.dataActions ?? []), not]);
    },
  };
}

interface Permission {
  readonly actions?: readonly string[];
  readonly dataActions?: readonly string[];
}

/** One more assignment, as another one is. */
function another(resources: Writable[], as: Writable | undefined): Writable {
  if (as === undefined) throw new TypeError("there is no assignment to copy");
  const copy = structuredClone(as);
  resources.push(Object.assign(copy, { name: "another", id: `${dirname(as.id)}/another` }));
  return copy;
}
