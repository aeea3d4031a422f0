import { createHmac } from "node:crypto";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ulid } from "ulid";
import { verifyAccessToken } from "../shared/auth/accessToken.ts";
import { authenticate } from "../shared/auth/authenticate.ts";
import { policies } from "../shared/auth/policies.ts";
import { compose } from "../shared/composition.ts";
import { memberKind } from "../shared/members/member.ts";
import { protector } from "../shared/protection/protector.ts";
import { secrets } from "../shared/protection/secrets.ts";
import { linkKind } from "../shared/surveys/link.ts";
import { tenantKind } from "../shared/tenants/tenant.ts";
import { type Contract, Reply, type AnyInput } from "../shared/triggers/contract.ts";
import { entityTag } from "../shared/triggers/entityTag.ts";
import { handleRequest } from "../shared/triggers/handleRequest.ts";
import { countRequest, limitAddress } from "../shared/triggers/rateLimit.ts";
import { parseBody } from "../shared/triggers/requestBody.ts";
import { fault, valid } from "../shared/validator.ts";
import { toJson } from "../shared/web/json.ts";
import { newOpenSurvey, newSide } from "../tests/contracts/side.ts";
import { operations } from "../tests/support/contracts.ts";

/** One operation, as it is asked for. */
interface Subject {
  readonly name: string;
  readonly params: Readonly<Record<string, string>>;
  readonly token: string;
  readonly body?: () => object;
}

/** Compares the whole way of a request with the same handler and the same database work alone, in one process. */
export async function measureFrame(runs: number): Promise<void> {
  compose();
  const side = await newSide();
  const { guest } = await newOpenSurvey(side);
  const { token } = side.people.owner;
  const newSurvey = () => ({
    templateVersionId: side.templateVersionId,
    guest: { name: "Gerda Guest", email: "gerda@guest.localhost", locale: "en" },
    externalRef: ulid(),
  });
  console.log("request | frame and handler | handler alone | frame | ratio");
  await compare(runs, { name: "getTemplate", params: { templateId: side.templateId }, token });
  await compare(runs, { name: "getGuestSurvey", params: {}, token: guest });
  await compare(runs, { name: "createSurvey", params: {}, token, body: newSurvey });
  await stages(runs * 5, token, guest, newSurvey());
}

async function compare(runs: number, subject: Subject): Promise<void> {
  const whole = await wayOf(subject);
  const alone = await handlerOf(subject);
  const times: { whole: number[]; alone: number[] } = { whole: [], alone: [] };
  // In turns, so that whatever else the machine does meets both alike.
  for (let run = -runs / 4; run < runs; run++) {
    const [first, second] = [await timed(whole), await timed(alone)];
    if (run < 0) continue;
    times.whole.push(first);
    times.alone.push(second);
  }
  const [both, one] = [median(times.whole), median(times.alone)];
  console.log([subject.name, us(both), us(one), us(both - one), (both / one).toFixed(2)].join(" | "));
}

function contractOf(name: string): Contract {
  const operation = operations.find((each) => each.name === name);
  if (operation === undefined) throw new TypeError(`there is no operation ${name}`);
  return operation.contract;
}

/** The request through the frame. */
async function wayOf({ name, params, token, body }: Subject): Promise<() => Promise<void>> {
  const contract = contractOf(name);
  const path = contract.route.replaceAll(/\{(\w+)\}/gu, (_, each: string) => params[each] ?? "");
  const headers = new Headers({
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "x-forwarded-for": "192.0.2.1:5000",
  });
  const once = async () => {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body()));
    const response = await handleRequest(contract, {
      operation: name,
      url: `https://api.example/v1/${path}`,
      params,
      headers,
      body: bytes === undefined ? null : inOnePiece(bytes),
      log: () => undefined,
    });
    if (response.status !== contract.success.status) throw new Error(`${name} answered ${response.status}`);
  };
  await once();
  return once;
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** The handler with the reads that authentication makes, and its answer as JSON: what somebody would write by hand. */
async function handlerOf({ name, params, token, body }: Subject): Promise<() => Promise<void>> {
  const contract = contractOf(name);
  const facts = { action: name, requestId: "bench-request" };
  const { caller, open } = await authenticate(token, contract.permission, facts);
  const tenant = open?.();
  if (tenant === undefined || (caller.type !== "member" && caller.type !== "guest")) throw new TypeError("no tenant");
  const { repository, tenantId } = tenant;
  return async () => {
    if (caller.type === "member")
      await Promise.all([repository.find(memberKind, caller.id), repository.find(tenantKind, tenantId)]);
    else {
      await repository.find(linkKind, caller.id);
      await repository.find(tenantKind, tenantId);
    }
    const resource = contract.policy && (await policies[contract.policy](tenant, caller, params));
    const scope = open?.();
    const input: AnyInput = {
      params,
      query: {},
      body: body?.(),
      caller,
      tenant: scope,
      resource,
      ifMatch: undefined,
      facts,
    };
    const result = await contract.handler(input);
    JSON.stringify(result instanceof Reply ? result.body : result);
  };
}

/** What parts of the frame cost by themselves, without the database. */
async function stages(runs: number, token: string, guest: string, survey: object): Promise<void> {
  const { body, success } = contractOf("createSurvey");
  const [, , payload = ""] = guest.split(".");
  const tenantId = guest.split(".")[1] ?? "";
  const bytes = Buffer.from(JSON.stringify(survey));
  const template = contractOf("getGuestSurvey");
  const authenticated = await authenticate(guest, template.permission, { action: "", requestId: "bench-request" });
  const { caller, open } = authenticated;
  const answer = await template.handler({
    params: {},
    query: {},
    body: undefined,
    caller,
    tenant: open?.(),
    resource: undefined,
    ifMatch: undefined,
    facts: { action: "", requestId: "bench-request" },
  });
  const shape = template.success.body;
  if (body === undefined || success.body === undefined || shape === undefined) throw new TypeError("no schema");
  console.log("\nstage | microseconds");
  await stage(runs, "limits of address, caller and tenant", async () => {
    await limitAddress("192.0.2.1");
    await countRequest(authenticated, "192.0.2.1");
  });
  await stage(runs, "hash of the address, with its secret", async () => {
    await secrets.use("address-hash-key", (key) => createHmac("sha256", key).update("192.0.2.1").digest("hex"));
  });
  await stage(runs, "access token, verified within the last minute", () => verifyAccessToken(token));
  await stage(runs, "guest session, opened", () => protector(tenantId, "guest-session").unprotectJson(payload));
  await stage(runs, "body: parsed and validated", () =>
    Promise.resolve(valid(body, parseBody("application/json", bytes))),
  );
  await stage(runs, "answer: shaped, checked, written, tagged", () => Promise.resolve(shaped(shape, answer)));
}

function shaped(schema: TSchema, answer: unknown): string {
  const clean = Value.Clean(schema, structuredClone(answer));
  if (fault(schema, clean) !== undefined) throw new TypeError("the answer breaks its contract");
  return entityTag('"1"', toJson(clean));
}

async function stage(runs: number, name: string, work: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await timed(work));
  console.log(`${name} | ${us(median(times.slice(runs / 5)))}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? Number.NaN;
}

function us(milliseconds: number): string {
  return String(Math.round(milliseconds * 1000));
}
