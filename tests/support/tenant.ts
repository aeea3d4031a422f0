import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ulid } from "ulid";
import { type Answer, type CallOptions, call, invitationToken, newestMail, signIn, until } from "../../local/client.ts";
import { stackUnderTest } from "./stackUnderTest.ts";

/** A tenant of a test's own, with its owner signed in. */
export interface TestTenant {
  readonly id: string;
  readonly name: string;
  readonly owner: Person;
  /** Invites somebody and has them accept. */
  join(role: "owner" | "admin" | "surveyor" | "auditor"): Promise<Person>;
}

export interface Person {
  readonly email: string;
  /** Member id. */
  readonly id: string;
  readonly token: string;
}

/** Calls the shared stack, e.g. `api("GET /v1/tenant", { token })`. */
export function api<T = Record<string, unknown>>(operation: string, options?: CallOptions): Promise<Answer<T>> {
  return call<T>(stackUnderTest(), operation, options);
}

/** {@link api}, failing the test with the API's own words, and what its log has for them, unless it answers with the status. */
export async function expectApi<T = Record<string, unknown>>(
  operation: string,
  status: number,
  options?: CallOptions,
): Promise<Answer<T>> {
  const answer = await api<T>(operation, options);
  if (answer.status === status) return answer;
  throw new Error(`${operation} answered ${answer.status}: ${answer.text}\n${await loggedOf(answer)}`);
}

async function loggedOf({ headers }: Answer): Promise<string> {
  // Not every stack keeps one.
  const log = await readFile(join(stackUnderTest().dataDir, "functions.log"), "utf8").catch(() => "");
  const requestId = headers.get("x-request-id") ?? "none";
  return log
    .split("\n")
    .filter((line) => line.includes(requestId))
    .join("\n");
}

/** The operator's token, or that of another one. */
export function operatorToken(tag?: string): Promise<string> {
  const stack = stackUnderTest();
  const { email } = stack.operator;
  return signIn(stack, tag === undefined ? email : email.replace("@", `+${tag}@`));
}

/** A new, active tenant. Nothing in it is shared with another test. */
export async function newTenant(plan: "trial" | "standard" = "standard", name = `Test ${ulid()}`): Promise<TestTenant> {
  const stack = stackUnderTest();
  const ownerEmail = `owner.${ulid().toLowerCase()}@test.localhost`;
  const token = await operatorToken();
  const created = await expectApi<{ id: string }>("POST /v1/platform/tenants", 202, {
    token,
    body: { name, ownerEmail, plan },
  });
  const id = await until(`tenant ${name}`, 30, async () => {
    const { body } = await expectApi<{ status: string; resultId?: string }>(
      `GET /v1/operations/${created.body.id}`,
      200,
      { token },
    );
    return body.status === "succeeded" ? body.resultId : undefined;
  });
  const owner = await acceptAs(id, ownerEmail);
  return {
    id,
    name,
    owner,
    join: async (role) => {
      const email = `${role}.${ulid().toLowerCase()}@test.localhost`;
      await expectApi("POST /v1/members", 201, { token: owner.token, body: { email, role } });
      return await acceptAs(id, email);
    },
  };

  async function acceptAs(tenantId: string, email: string): Promise<Person> {
    const personal = await signIn(stack, email, tenantId);
    const mail = await newestMail(stack, email);
    const member = await expectApi<{ id: string }>("POST /v1/invitations/accept", 201, {
      token: personal,
      body: { token: invitationToken(mail) },
    });
    return { email, id: member.body.id, token: personal };
  }
}

export interface TestSurvey {
  readonly surveyId: string;
  readonly templateVersionId: string;
  /** The guest link's URL. */
  readonly link: string;
  /** The guest's session, already opened. */
  readonly guest: string;
}

const sampleQuestions = [
  { id: "name", type: "text", label: "Your name", required: true, maxLength: 100 },
  { id: "room", type: "video", label: "Show the room", required: true, maxSeconds: 120 },
  { id: "extra", type: "video", label: "Anything else" },
];

/** A published template, a survey on it, its link, and the guest's session. */
export async function newSurvey(
  { owner }: Pick<TestTenant, "owner">,
  options: { readonly questions?: readonly object[]; readonly consent?: boolean; readonly survey?: object } = {},
): Promise<TestSurvey> {
  const { token } = owner;
  const templateId = `tpl_${ulid()}`;
  await expectApi(`PUT /v1/templates/${templateId}`, 200, {
    token,
    headers: { "if-none-match": "*" },
    body: { name: "Test template", questions: options.questions ?? sampleQuestions },
  });
  const version = await expectApi<{ id: string }>(`POST /v1/templates/${templateId}/publish`, 201, { token });
  const survey = await expectApi<{ id: string }>("POST /v1/surveys", 201, {
    token,
    body: {
      templateVersionId: version.body.id,
      guest: { name: "Gerda Guest", email: "gerda@guest.localhost" },
      ...options.survey,
    },
  });
  const link = await expectApi<{ url: string }>(`POST /v1/surveys/${survey.body.id}/links`, 201, {
    token,
    body: { channel: "none" },
  });
  const guest = await openSession(link.body.url);
  if (options.consent !== false) await consent(guest);
  return { surveyId: survey.body.id, templateVersionId: version.body.id, link: link.body.url, guest };
}

/** Exchanges a link's URL for a guest session's bearer. */
export async function openSession(link: string): Promise<string> {
  const token = new URL(link).hash.slice(1);
  const { body } = await expectApi<{ bearer: string }>("POST /v1/guest/session", 200, { body: { token } });
  return body.bearer;
}

export async function consent(guest: string): Promise<void> {
  const survey = await expectApi<{ consent: { version: number } }>("GET /v1/guest/survey", 200, { token: guest });
  await expectApi("PUT /v1/guest/consent", 200, {
    token: guest,
    body: { version: survey.body.consent.version, accepted: true, locale: "en" },
  });
}
