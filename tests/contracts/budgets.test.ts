import { ulid } from "ulid";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { activityId } from "../../shared/tenancy/activityId.ts";
import { platformTenantId } from "../../shared/tenancy/ids.ts";
import { quotasOf } from "../../shared/tenants/tenant.ts";
import {
  type Operation,
  type Request,
  erase,
  item,
  operations,
  requestsDuring,
  send,
  write,
} from "../support/contracts.ts";
import { every, isPlatforms, requestOn } from "./cases.ts";
import { type Side, newSide } from "./side.ts";

/** How often an operation's cost is looked at, at most. */
const times = 3;

let side: Side;
let prepared: ReadonlyMap<string, Request[]>;
beforeAll(async () => {
  side = await newSide();
  const preparing = operations.map(async (operation) => {
    const requests = Array.from({ length: times }, () => requestOn(side, operation));
    return [operation.name, await Promise.all(requests)] as const;
  });
  prepared = new Map(await Promise.all(preparing));
});

interface Cost {
  readonly reads: number;
  readonly queries: number;
  readonly batches: number;
  /** Single writes, and whatever else. */
  readonly others: number;
}

/** What an operation asks of the database, in its tenant's partition. */
async function costOf(operation: Operation, headers: Record<string, string> = {}): Promise<Cost> {
  const { contract, name } = operation;
  const request = prepared.get(name)?.pop() ?? (await requestOn(side, operation));
  const partition = isPlatforms(contract.permission) ? platformTenantId : side.id;
  let own = "";
  const during = await requestsDuring(partition, async () => {
    const answer = await send(contract, { ...request, headers: { ...request.headers, ...headers } });
    expect(answer.status).toBe(contract.success.status);
    own = activityId(answer.headers.get("x-request-id") ?? "");
  });
  // What a change sets going asks for the tenant's data at the same time.
  const requests = during.filter((each) => each.activityId === own);
  const count = (kind: string) => requests.filter((each) => each.operation === kind).length;
  const [reads, queries, batches] = [count("document.read"), count("document.query"), count("document.batch")];
  return { reads, queries, batches, others: requests.length - reads - queries - batches };
}

const authentication = 2;

/** What is promised, authentication included. */
const promised: Readonly<Record<string, Cost>> = {
  getTenant: { reads: authentication, queries: 0, batches: 0, others: 0 },
  getTemplate: { reads: authentication + 1, queries: 0, batches: 0, others: 0 },
  getSurvey: { reads: authentication + 1, queries: 1, batches: 0, others: 0 },
  getOperation: { reads: authentication + 1, queries: 0, batches: 0, others: 0 },
  listSurveys: { reads: authentication, queries: 1, batches: 0, others: 0 },
  listMembers: { reads: authentication, queries: 1, batches: 0, others: 0 },
  listTemplates: { reads: authentication, queries: 1, batches: 0, others: 0 },
  listWebhooks: { reads: authentication, queries: 1, batches: 0, others: 0 },
  // Whether the address is taken.
  addMember: { reads: authentication + 1, queries: 0, batches: 1, others: 0 },
  publishTemplate: { reads: authentication + 1, queries: 0, batches: 1, others: 0 },
  // The template's version, and the assignee.
  createSurvey: { reads: authentication + 2, queries: 0, batches: 1, others: 0 },
  createLink: { reads: authentication + 1, queries: 0, batches: 1, others: 0 },
  // The survey, and the template's version for the questions that are named.
  transitionSurvey: { reads: authentication + 2, queries: 0, batches: 1, others: 0 },
  createWebhook: { reads: authentication, queries: 0, batches: 1, others: 0 },
  // The survey, and the template's version.
  startUpload: { reads: authentication + 2, queries: 0, batches: 1, others: 0 },
};

const named = ["getSurvey", "listSurveys", "createSurvey", "startUpload"];
const isPromised = ({ name }: Operation) => Object.hasOwn(promised, name);
const takesKey = ({ contract: { repeat } }: Operation) => typeof repeat === "function";

describe("requests at the database:", () => {
  test.each(every(isPromised))("%s costs what is promised", async (name, operation) => {
    expect(await costOf(operation)).toEqual(promised[name]);
  });

  test.each(every((operation) => isPromised(operation) && takesKey(operation)))(
    "%s costs one read more with an Idempotency-Key",
    async (name, operation) => {
      const { reads = 0, ...cheap } = promised[name] ?? {};
      const expected = { ...cheap, reads: reads + 1 };
      expect(await costOf(operation, { "idempotency-key": ulid() })).toEqual(expected);
    },
  );

  test.each(every((operation) => !isPromised(operation)))(
    "%s costs what any may cost at most",
    async (_, operation) => {
      // Reading changes nothing, and is in the log where recordings are read.
      const { method, recorded } = operation.contract;
      const changes = method === "GET" && recorded !== true ? 0 : 1;
      const { reads, queries, batches, others } = await costOf(operation);
      expect(reads).toBeLessThanOrEqual(authentication + 4);
      expect(queries).toBeLessThanOrEqual(1);
      expect(batches).toBeLessThanOrEqual(changes);
      expect(others).toBe(0);
    },
  );

  test.each(every(({ name }) => named.includes(name)))(
    "%s costs the same beside a thousand tenants",
    async (name, operation) => {
      await besideThousand();
      expect(await costOf(operation)).toEqual(promised[name]);
    },
  );
});

let thousand: Promise<readonly string[]> | undefined;

/** A thousand tenants in the registry, each with a document of its own and some surveys; without people or storage. */
function besideThousand(): Promise<readonly string[]> {
  return (thousand ??= writeTenants(1_000));
}

async function writeTenants(count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => `tnt_${ulid()}`);
  const fields = { plan: "trial", state: "active", account: "none" };
  for (let at = 0; at < count; at += 100)
    await write(
      platformTenantId,
      ids.slice(at, at + 100).map((id) => item(platformTenantId, "registeredTenant", id, { ...fields, name: id })),
    );
  const waiting = [...ids];
  const worker = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const tenantId = id;
      const survey = { state: "draft", templateVersionId: "tpv_0", guest: { name: id }, answers: {}, videoCount: 0 };
      const surveys = Array.from({ length: 5 }, () => item(tenantId, "survey", `svy_${ulid()}`, survey));
      await write(id, [item(id, "tenant", id, { ...fields, name: id, quotas: quotasOf.trial }), ...surveys]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return ids;
}

// The registry is what timers go through: others need not wait for a thousand sweeps of nothing.
afterAll(async () => {
  const ids = (await thousand) ?? [];
  for (let at = 0; at < ids.length; at += 100) await erase(platformTenantId, ids.slice(at, at + 100));
});
