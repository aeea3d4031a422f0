import { type IncomingHttpHeaders, createServer } from "node:http";
import { Webhook } from "standardwebhooks";
import { ulid } from "ulid";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { until } from "../../local/client.ts";
import { listen, stop } from "../../local/service.ts";
import { database, documents, erase, write } from "../support/contracts.ts";
import { type TestTenant, api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

interface Created {
  readonly id: string;
  readonly url: string;
  readonly status: string;
  readonly secret: string;
  readonly previousSecretsUntil?: string;
  readonly code: string;
}
interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
interface EventItem {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

const origin = inject("stack").webhookOrigin;
const received: Received[] = [];
/** What a path answers, request by request; the last one stays. 204 for any other path. */
const answers = new Map<string, number[]>();
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    const path = request.url ?? "";
    received.push({ path, headers: request.headers, body });
    const planned = answers.get(path) ?? [204];
    response.writeHead((planned.length > 1 ? planned.shift() : planned[0]) ?? 204).end();
  });
});

let tenant: TestTenant;
beforeAll(async () => {
  await listen(receiver, Number(new URL(origin).port), "webhook receiver");
  tenant = await newTenant();
});
afterAll(async () => {
  database().dispose();
  await stop(receiver);
});

const newPath = () => `/${ulid()}`;

async function create(path: string, events: readonly string[], of = tenant): Promise<Created> {
  const body = { url: `${origin}${path}`, events };
  return (await expectApi<Created>("POST /v1/webhooks", 201, { token: of.owner.token, body })).body;
}

function arrivals(path: string, count: number): Promise<readonly Received[]> {
  return until(`${count} deliveries`, 25, () => {
    const found = received.filter((each) => each.path === path);
    return Promise.resolve(found.length >= count ? found : undefined);
  });
}

test("the secret is shown once, and to a repeat of the same request", async () => {
  const path = newPath();
  const request = {
    token: tenant.owner.token,
    body: { url: `${origin}${path}`, events: ["survey.created"] },
    headers: { "idempotency-key": ulid() },
  };
  const first = await expectApi<Created>("POST /v1/webhooks", 201, request);
  const repeated = await expectApi<Created>("POST /v1/webhooks", 201, request);
  expect(first.body).toMatchObject({ status: "enabled", url: `${origin}${path}` });
  expect(repeated.body).toEqual(first.body);
  const list = await expectApi<{ items: Created[] }>("GET /v1/webhooks", 200, { token: tenant.owner.token });
  const listed = list.body.items.filter(({ url }) => url === first.body.url);
  const { secret, ...shown } = first.body;
  expect(listed).toEqual([shown]);
  expect(list.text).not.toContain(secret);
});

test.each([
  "https://127.0.0.1/",
  "https://[::ffff:127.0.0.1]/",
  "https://0x7f000001/",
  "https://2130706433/",
  "https://localhost/",
  "http://hooks.example.com/",
  "https://hooks.example.com:8443/",
  `https://${["user", "pass"].join(":")}@hooks.example.com/`,
  "http://127.0.0.1:1/",
  `${origin}.example.com/`,
  "nonsense",
])("%s is refused", async (url) => {
  const body = { url, events: ["survey.created"] };
  const answer = await api<Created>("POST /v1/webhooks", { token: tenant.owner.token, body });
  expect([answer.status, answer.body.code]).toEqual([422, "unsafe_url"]);
});

test("unknown events, and none at all, are refused; only who manages webhooks may", async () => {
  for (const events of [["survey.made"], [], ["survey.created", "survey.created"]]) {
    const body = { url: `${origin}/`, events };
    expect((await api("POST /v1/webhooks", { token: tenant.owner.token, body })).status).toBe(400);
  }
  const surveyor = await tenant.join("surveyor");
  const body = { url: `${origin}/`, events: ["survey.created"] };
  expect((await api("POST /v1/webhooks", { token: surveyor.token, body })).status).toBe(403);
  expect((await api("GET /v1/webhooks", { token: surveyor.token })).status).toBe(403);
  expect((await api("GET /v1/events", { token: surveyor.token })).status).toBe(403);
});

test("an event arrives signed, as GET /events shows it, and only where it is wanted", async () => {
  const own = await newTenant();
  const [path, otherPath] = [newPath(), newPath()];
  const webhook = await create(path, ["survey.created", "survey.opened"], own);
  await create(otherPath, ["video.ready"], own);
  const externalRef = `Übergabe <${ulid()}>`;
  const { surveyId } = await newSurvey(own, { survey: { externalRef } });
  // The queue promises no order.
  const delivery = (await arrivals(path, 2)).find((each) => each.body.includes("survey.created"));
  if (delivery === undefined) throw new Error("the event did not arrive");

  const { headers, body } = delivery;
  const verified = new Webhook(webhook.secret).verify(body, headers as Record<string, string>);
  const events = await expectApi<{ items: EventItem[] }>("GET /v1/events?types=survey.created", 200, {
    token: own.owner.token,
  });
  expect(events.body.items).toEqual([verified]);
  expect(verified).toMatchObject({ type: "survey.created", data: { surveyId, externalRef } });
  expect(headers).toMatchObject({
    "webhook-id": expect.stringMatching(/^dlv_[0-9a-f]{40}$/u) as unknown,
    "content-type": "application/json",
  });
  expect(() => new Webhook(webhook.secret).verify(`${body} `, headers as Record<string, string>)).toThrow();
  expect(received.filter((each) => each.path === otherPath)).toEqual([]);
});

test("what failed is sent again with the same id and the same bytes, and signed anew", async () => {
  const own = await newTenant();
  const path = newPath();
  answers.set(path, [500, 204]);
  const webhook = await create(path, ["survey.created"], own);
  await newSurvey(own);
  const [first, second] = await arrivals(path, 2);
  expect(second?.body).toBe(first?.body);
  expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
  const [before, after] = [first, second].map((each) => Number(each?.headers["webhook-timestamp"]));
  expect((after ?? 0) - (before ?? 0)).toBeGreaterThanOrEqual(4);
  new Webhook(webhook.secret).verify(second?.body ?? "", second?.headers as Record<string, string>);
});

test("a receiver that is gone is not asked again", async () => {
  const own = await newTenant();
  const path = newPath();
  answers.set(path, [410]);
  await create(path, ["survey.created"], own);
  await newSurvey(own);
  await arrivals(path, 1);
  await until("the webhook to be disabled", 20, async () => {
    const { body } = await expectApi<{ items: Created[] }>("GET /v1/webhooks", 200, { token: own.owner.token });
    return body.items[0]?.status === "disabled" ? true : undefined;
  });
  await newSurvey(own);
  await until("the second survey's event", 20, async () => {
    const { body } = await expectApi<{ items: EventItem[] }>("GET /v1/events?types=survey.created", 200, {
      token: own.owner.token,
    });
    return body.items.length === 2 ? true : undefined;
  });
  expect(received.filter((each) => each.path === path)).toHaveLength(1);
});

async function rotate({ id }: Created, of: TestTenant): Promise<Created> {
  return (await expectApi<Created>(`POST /v1/webhooks/${id}/rotate`, 200, { token: of.owner.token })).body;
}

/** Whose of these secrets have signed the delivery, by the reference library. */
function signers({ body, headers }: Received, secrets: readonly string[]): readonly string[] {
  return secrets.filter((secret) => {
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  });
}

test("a new secret and the replaced ones sign together for a day, then the new one alone", async () => {
  const own = await newTenant();
  const path = newPath();
  const first = await create(path, ["survey.created"], own);
  const nextDelivery = async (count: number) => {
    await newSurvey(own);
    const arrived = (await arrivals(path, count)).at(-1);
    if (arrived === undefined) throw new Error("nothing arrived");
    return arrived;
  };

  const second = await rotate(first, own);
  const { secret: _secret, ...shown } = second;
  expect(Date.parse(second.previousSecretsUntil ?? "") - Date.now()).toBeGreaterThan(86_000_000);
  const list = await expectApi<{ items: Created[] }>("GET /v1/webhooks", 200, { token: own.owner.token });
  expect(list.body.items).toEqual([shown]);
  const during = await nextDelivery(1);
  expect(signers(during, [first.secret, second.secret])).toEqual([first.secret, second.secret]);
  expect(during.headers["webhook-signature"]).toMatch(/^v1,[\w+/]{43}= v1,[\w+/]{43}=$/u);

  const third = await rotate(first, own);
  const all = [first.secret, second.secret, third.secret];
  expect(new Set(all).size).toBe(3);
  expect(signers(await nextDelivery(2), all)).toEqual(all);

  const stored = (await documents(own.id)).find(({ id }) => id === first.id);
  if (stored === undefined) throw new Error("the webhook is not stored");
  for (const secret of all) expect(JSON.stringify(stored)).not.toContain(secret.slice("whsec_".length));
  const previous = stored["previousSecrets"] as readonly { readonly until: string }[];
  expect(previous).toHaveLength(2);
  await erase(own.id, [first.id]);
  const ended = previous.map((each) => ({ ...each, until: new Date().toISOString() }));
  await write(own.id, [{ ...stored, previousSecrets: ended }]);
  expect(signers(await nextDelivery(3), all)).toEqual([third.secret]);
});

test("a repeated rotation shows the same secret, and a sixth secret in a day is refused", async () => {
  const own = await newTenant();
  const webhook = await create(newPath(), ["survey.created"], own);
  const keyed = { token: own.owner.token, headers: { "idempotency-key": ulid() } };
  const operation = `POST /v1/webhooks/${webhook.id}/rotate`;
  const { body: first } = await expectApi<Created>(operation, 200, keyed);
  expect((await expectApi<Created>(operation, 200, keyed)).body).toEqual(first);
  for (let rotation = 2; rotation <= 4; rotation++) await rotate(webhook, own);
  const refused = await api<Created>(operation, { token: own.owner.token });
  expect([refused.status, refused.body.code]).toEqual([409, "quota_exceeded"]);
  const surveyor = await own.join("surveyor");
  expect((await api(operation, { token: surveyor.token })).status).toBe(403);
});
