import { type Answer, type Mail, invitationToken, newestMail, signIn, until } from "../../local/client.ts";
import { parameterNames } from "../../shared/triggers/contract.ts";
import { callerFor, caseOf, requestOn } from "../contracts/cases.ts";
import type { Side } from "../contracts/side.ts";
import { type Operation, type Request, newEmail, operations, send } from "../support/contracts.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { expectApi } from "../support/tenant.ts";
import { type TextField, withText } from "./textFields.ts";

/** What became of a text that was sent through a field. */
export interface Kept {
  readonly field: string;
  /** The text as it is stored: in NFC. */
  readonly text: string;
  /** The operation's status; of a refusal, its code beside it. */
  readonly outcome: string;
  /** Bodies of answers that show the text, as they came. */
  readonly shownIn: readonly string[];
}

/** Sends texts through one field, on requests that are right otherwise, and looks for them wherever they could be read. */
export class TextKeeper {
  readonly #side: Side;
  readonly #field: TextField;
  /** A request that worked: where it works again, no new one has to be prepared. */
  #request: Request | undefined;

  constructor(side: Side, field: TextField) {
    this.#side = side;
    this.#field = field;
  }

  async keep(payload: string): Promise<Kept> {
    const { operation, name } = this.#field;
    const { request, answer } = await this.#sent(payload);
    const text = payload.normalize("NFC");
    const kept = { field: name, text };
    if (answer.status !== operation.contract.success.status)
      return { ...kept, outcome: `${answer.status} ${answer.body.code ?? ""}`, shownIn: [] };
    if (answer.status === 202) await done(answer, request.token);
    const readings = await readingsAfter(this.#side, operation, request, answer.body);
    const shownIn = readings.filter((reading) => textsOf(JSON.parse(reading)).includes(text));
    return { ...kept, outcome: String(answer.status), shownIn };
  }

  async #sent(payload: string) {
    const { operation, path } = this.#field;
    const { contract } = operation;
    const sendWith = async (request: Request) => {
      const body = withText(contract, request.body, path, payload);
      return { request, answer: await send<Answered>(contract, { ...request, body }) };
    };
    const again = this.#request === undefined ? undefined : await sendWith(this.#request);
    if (again?.answer.status === contract.success.status) return again;
    this.#request = await requestOn(this.#side, operation);
    return await sendWith(this.#request);
  }
}

interface Answered {
  readonly id?: string;
  readonly code?: string;
}

/** Waits for what was only accepted. */
async function done({ headers }: Answer, token: string | undefined): Promise<void> {
  const { pathname } = new URL(headers.get("location") ?? "");
  await until(pathname, 60, async () => {
    const { body } = await expectApi<{ status: string }>(`GET ${pathname}`, 200, { token });
    return body.status === "succeeded" ? true : undefined;
  });
}

/** Every text in the value. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return value === null || typeof value !== "object" ? [] : Object.values(value).flatMap(textsOf);
}

/** What reading operations say of the things that the request named or made; where none is about one of them, the lists. */
async function readingsAfter(
  side: Side,
  operation: Operation,
  request: Request,
  made: { readonly id?: string },
): Promise<readonly string[]> {
  const params = { ...request.params, ...(made.id !== undefined && named(made.id)) };
  const asGuest = callerFor(operation) === "guest";
  const reading = operations.filter(
    ({ contract: { method, permission } }) => method === "GET" && permission.startsWith("guest:") === asGuest,
  );
  const known = ({ contract }: Operation) =>
    parameterNames(contract.route).every((each) => Object.hasOwn(params, each));
  const about = reading.filter(({ contract }) => contract.route.includes("{") || asGuest).filter(known);
  // An operator's work shows in the tenant that it is for.
  const later = operation.contract.success.status === 202;
  const lists = reading
    .filter(({ contract }) => !contract.route.includes("{"))
    .filter((reader) => (later ? limited(reader) : reader.folder === operation.folder));
  const readers = about.length > 0 && !later ? about : lists;
  const answers = await Promise.all(
    readers.map(async (reader) => {
      const { token } = asGuest ? request : await caseOf(reader).request(side, callerFor(reader));
      return await send(reader.contract, { token, params, ...(limited(reader) && { query: { limit: "100" } }) });
    }),
  );
  const isJson = ({ headers }: (typeof answers)[number]) => headers.get("content-type")?.includes("json") === true;
  return answers.filter((answer) => answer.status === 200 && isJson(answer)).map(({ text }) => text);
}

function limited({ contract: { query } }: Operation): boolean {
  return query !== undefined && "limit" in query.properties;
}

const parameterOf: Readonly<Record<string, string>> = {
  svy: "surveyId",
  tpl: "templateId",
  vid: "videoId",
  whk: "webhookId",
  op: "operationId",
};

function named(id: string): Readonly<Record<string, string>> {
  const parameter = parameterOf[id.split("_")[0] ?? ""];
  return parameter === undefined ? {} : { [parameter]: id };
}

/** A tenant whose name is a text, and the mails that it sent to its owner and to a guest of that name. */
export interface NamedTenant {
  readonly text: string;
  /** `GET /v1/tenant`, as it came. */
  readonly shown: string;
  readonly mails: readonly Mail[];
}

/** Makes a tenant of that name, and everything up to the mail with a guest's link. */
export async function nameTenant(operator: string, text: string): Promise<NamedTenant> {
  const stack = stackUnderTest();
  const [ownerEmail, guestEmail] = [newEmail(), newEmail()];
  const started = await expectApi<{ id: string }>("POST /v1/platform/tenants", 202, {
    token: operator,
    body: { name: text, ownerEmail, plan: "trial" },
  });
  const tenantId = await until("a tenant", 60, async () => {
    const path = `GET /v1/operations/${started.body.id}`;
    return (await expectApi<{ resultId?: string }>(path, 200, { token: operator })).body.resultId;
  });
  const invitation = await newestMail(stack, ownerEmail);
  const token = await signIn(stack, ownerEmail, tenantId);
  await expectApi("POST /v1/invitations/accept", 201, { token, body: { token: invitationToken(invitation) } });
  const { text: shown } = await expectApi("GET /v1/tenant", 200, { token });
  const templateId = tenantId.replace("tnt", "tpl");
  const questions = [{ id: "q", type: "boolean", label: "Yes?" }];
  const headers = { "if-none-match": "*" };
  await expectApi(`PUT /v1/templates/${templateId}`, 200, { token, headers, body: { name: "T", questions } });
  const version = await expectApi<{ id: string }>(`POST /v1/templates/${templateId}/publish`, 201, { token });
  const survey = await expectApi<{ id: string }>("POST /v1/surveys", 201, {
    token,
    body: { templateVersionId: version.body.id, guest: { name: text, email: guestEmail } },
  });
  await expectApi(`POST /v1/surveys/${survey.body.id}/links`, 201, { token, body: { channel: "email" } });
  return { text: text.normalize("NFC"), shown, mails: [invitation, await newestMail(stack, guestEmail)] };
}
