import type { MemberRole } from "../members/member.ts";

export type Role = MemberRole | "operator" | "guest" | "person";

const everyMember = ["owner", "admin", "surveyor", "auditor"] as const;
const surveyors = ["owner", "admin", "surveyor"] as const;
const admins = ["owner", "admin"] as const;

/**
 * The closed list of permissions and the roles that have each; whoever is not named is refused. A surveyor's permissions
 * on surveys reach those assigned to them (`shared/surveys/access.ts`), a guest's the survey of the own link.
 * `person` is anybody who is signed in, a member or not.
 */
export const permissions = {
  "tenants:manage": ["operator"],
  "operations:read": ["operator", ...everyMember],
  "tenant:read": everyMember,
  "members:manage": admins,
  "templates:read": everyMember,
  "templates:manage": admins,
  "surveys:create": surveyors,
  "surveys:read": everyMember,
  "surveys:send": surveyors,
  "surveys:decide": surveyors,
  "videos:read": everyMember,
  "videos:play": everyMember,
  "webhooks:manage": admins,
  "events:read": admins,
  "invitation:accept": ["person"],
  "guest:read": ["guest"],
  "guest:consent": ["guest"],
  "guest:answer": ["guest"],
  "guest:upload": ["guest"],
  "guest:submit": ["guest"],
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof permissions | "public";

/** Whether the role has the permission. `public` is for everybody and asks for no role. */
export function allows(permission: Permission, role: Role | "public"): boolean {
  if (permission === "public") return true;
  const roles: readonly (Role | "public")[] = permissions[permission];
  return roles.includes(role);
}
