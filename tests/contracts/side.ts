import { randomBytes } from "node:crypto";
import { decodeJwt } from "jose";
import { ulid } from "ulid";
import { signIn } from "../../local/client.ts";
import { type Scope, scopes } from "../../shared/keys/apiKey.ts";
import { type MemberRole, memberRoles } from "../../shared/members/member.ts";
import { derivedId, platformTenantId } from "../../shared/tenancy/ids.ts";
import { enrol, item, newEmail, write } from "../support/contracts.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { type Person, expectApi, newTenant, openSession, operatorToken } from "../support/tenant.ts";

/** Whoever may call: the roles that permissions know, a member of nothing who claims the tenant, and nobody known. */
export const callers = [
  ...memberRoles,
  "service",
  "operator",
  "support",
  "guest",
  "person",
  "stranger",
  "anonymous",
] as const;
export type CallerName = (typeof callers)[number];

/** One of two tenants that must not know of each other, with people of every role and a template of its own. */
export interface Side {
  readonly id: string;
  readonly name: string;
  readonly people: Readonly<Record<MemberRole, Person>>;
  /** A second surveyor, to whom nothing is assigned. */
  readonly colleague: Person;
  readonly templateId: string;
  readonly templateVersionId: string;
  /** A text question that only this tenant asks. */
  readonly questionId: string;
  /** A service key with every scope. */
  readonly service: string;
  /** An operator who does nothing for other tenants. */
  readonly operator: string;
  /** The operator with a grant for one of the surveys. */
  readonly support: string;
  /** A request for access that waits for the owner. */
  readonly accessRequestId: string;
  /** Somebody signed in who claims the tenant, and is no member. */
  readonly stranger: string;
  /** A guest of a survey that nothing else uses. */
  readonly guest: string;
}

export interface OpenSurvey {
  readonly surveyId: string;
  /** Token of the guest's link. */
  readonly linkToken: string;
  readonly guest: string;
}

export async function newSide(called?: string): Promise<Side> {
  const { id, name, owner } = await newTenant("standard", called);
  const enrolled = async (role: MemberRole): Promise<Person> => {
    const email = newEmail();
    const token = await signIn(stackUnderTest(), email, id);
    return { email, token, id: await enrol(id, token, { email, role }) };
  };
  const [admin, surveyor, auditor, colleague, service, operator, stranger] = await Promise.all([
    enrolled("admin"),
    enrolled("surveyor"),
    enrolled("auditor"),
    enrolled("surveyor"),
    newKey(owner.token, scopes),
    operatorToken(ulid().toLowerCase()),
    signIn(stackUnderTest(), newEmail(), id),
  ]);
  const questionId = `q_${randomBytes(4).toString("hex")}`;
  const template = await newTemplate(owner.token, questionId);
  const webhook = {
    url: "https://hooks.example.com/",
    events: ["export.ready"],
    status: "enabled",
    protectedSecret: "",
  };
  await write(id, [item(id, "webhook", `whk_${ulid()}`, webhook)]);
  const people = { owner, admin, surveyor, auditor };
  const side = { id, name, people, colleague, questionId, operator, stranger, ...template };
  const { surveyId, guest } = await newOpenSurvey(side);
  const accessRequestId = await newAccessRequest(side, surveyId);
  return { ...side, service: service.credential, guest, accessRequestId, support: await newSupport(side, surveyId) };
}

/** A request for access to a survey that the tenant has before it; gives its id. */
export async function newAccessRequest(
  { id: tenantId, operator }: Pick<Side, "id" | "operator">,
  surveyId: string,
  more: object = {},
): Promise<string> {
  const { iss = "", sub = "" } = decodeJwt(operator);
  const id = `acg_${ulid()}`;
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const wish = { surveyId, reason: "The video does not play", until, operatorId: derivedId("opr", iss, sub) };
  const request = { ...wish, subjectTenantId: tenantId, operationId: "op_0" };
  await Promise.all([
    write(platformTenantId, [item(platformTenantId, "accessRequest", id, request)]),
    write(tenantId, [item(tenantId, "accessGrant", id, { ...wish, state: "requested", ...more })]),
  ]);
  return id;
}

/** Such a request, granted for an hour. */
export async function newGrantedAccess(side: Pick<Side, "id" | "operator">, surveyId: string): Promise<string> {
  const grantedUntil = new Date(Date.now() + 3_600_000).toISOString();
  return await newAccessRequest(side, surveyId, { state: "granted", grantedUntil });
}

/** An operator's session on a granted survey. */
export async function newSupport(side: Pick<Side, "id" | "operator">, surveyId: string): Promise<string> {
  const id = await newGrantedAccess(side, surveyId);
  const session = `POST /v1/platform/access-requests/${id}/session`;
  return (await expectApi<{ bearer: string }>(session, 200, { token: side.operator })).body.bearer;
}

/** A service key that ends in a day. */
export async function newKey(token: string, of: readonly Scope[]): Promise<{ id: string; credential: string }> {
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const body = { name: "Planning system", scopes: of, expiresAt };
  return (await expectApi<{ id: string; credential: string }>("POST /v1/keys", 201, { token, body })).body;
}

export function draftOf(questionId: string): { name: string; questions: object[] } {
  return {
    name: `Template ${ulid()}`,
    questions: [
      { id: questionId, type: "text", label: "Your name", required: true, maxLength: 100 },
      { id: "room", type: "video", label: "Show the room" },
      { id: "floor", type: "choice", label: "Which floor?", options: [floor("low"), floor("high")] },
    ],
  };
}

function floor(value: string): object {
  return { value, label: `A ${value} one` };
}

/** A published template. */
async function newTemplate(token: string, questionId: string) {
  const { templateId } = await newDraft(token, questionId);
  const version = await expectApi<{ id: string }>(`POST /v1/templates/${templateId}/publish`, 201, { token });
  return { templateId, templateVersionId: version.body.id };
}

export async function newDraft(token: string, questionId: string): Promise<{ templateId: string; etag: string }> {
  const templateId = `tpl_${ulid()}`;
  const { headers } = await expectApi(`PUT /v1/templates/${templateId}`, 200, {
    token,
    headers: { "if-none-match": "*" },
    body: draftOf(questionId),
  });
  return { templateId, etag: headers.get("etag") ?? "" };
}

/** A survey in draft, assigned to the tenant's surveyor. */
export async function newDraftSurvey(
  { people, templateVersionId }: Pick<Side, "people" | "templateVersionId">,
  more: object = {},
): Promise<string> {
  const { body } = await expectApi<{ id: string }>("POST /v1/surveys", 201, {
    token: people.owner.token,
    body: { templateVersionId, guest: { name: "Gerda Guest" }, assigneeId: people.surveyor.id, ...more },
  });
  return body.id;
}

/** A survey that its guest has opened and consented to. */
export async function newOpenSurvey(side: Pick<Side, "people" | "templateVersionId">): Promise<OpenSurvey> {
  const surveyId = await newDraftSurvey(side);
  const { token } = side.people.owner;
  const { body } = await expectApi<{ url: string }>(`POST /v1/surveys/${surveyId}/links`, 201, {
    token,
    body: { channel: "none" },
  });
  const guest = await openSession(body.url);
  await expectApi("PUT /v1/guest/consent", 200, { token: guest, body: { version: 1, accepted: true, locale: "en" } });
  return { surveyId, linkToken: new URL(body.url).hash.slice(1), guest };
}

/** The bearer of somebody of that name. */
export async function tokenOf(side: Side, caller: CallerName): Promise<string | undefined> {
  switch (caller) {
    case "service":
      return side.service;
    case "operator":
      return side.operator;
    case "support":
      return side.support;
    case "guest":
      return side.guest;
    case "person":
      return await signIn(stackUnderTest(), newEmail());
    case "stranger":
      return side.stranger;
    case "anonymous":
      return undefined;
    default:
      return side.people[caller].token;
  }
}
