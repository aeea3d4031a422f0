import { beforeAll, expect, test } from "vitest";
import { until } from "../../local/client.ts";
import { type TestTenant, api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";

interface EventItem {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly time: string;
  readonly data: Record<string, unknown>;
}
interface Page {
  readonly items: readonly EventItem[];
  readonly nextAfter: number;
  readonly more: boolean;
}

let tenant: TestTenant;
let surveyIds: readonly string[];
let all: readonly EventItem[];

async function page(query: string, of = tenant): Promise<Page> {
  return (await expectApi<Page>(`GET /v1/events${query}`, 200, { token: of.owner.token })).body;
}

/** Everything, as a client follows it: page by page. */
async function follow(query: string): Promise<readonly EventItem[]> {
  const items: EventItem[] = [];
  for (let after = 0; ;) {
    const found = await page(`?after=${after}&${query}`);
    items.push(...found.items);
    expect(found.nextAfter).toBeGreaterThanOrEqual(after);
    if (!found.more) return items;
    after = found.nextAfter;
  }
}

beforeAll(async () => {
  tenant = await newTenant();
  const first = await newSurvey(tenant, { survey: { externalRef: "Order 1" } });
  const second = await newSurvey(tenant);
  surveyIds = [first.surveyId, second.surveyId];
  all = await until("the events of two surveys", 20, async () => {
    const { items } = await page("?limit=100");
    return items.filter(({ type }) => type === "consent.given").length === 2 ? items : undefined;
  });
});

test("events come in the order in which they happened to each survey", () => {
  expect(all.map(({ sequence }) => sequence)).toEqual(all.map(({ sequence }) => sequence).toSorted((a, b) => a - b));
  expect(all[0]?.type).toBe("tenant.activated");
  for (const id of surveyIds) {
    const own = all.filter(({ data }) => data["surveyId"] === id);
    expect(own.map(({ type }) => type).slice(0, 2)).toEqual(["survey.created", "survey.invited"]);
    expect(own.map(({ time }) => time)).toEqual(own.map(({ time }) => time).toSorted());
  }
});

test("an event has the tenant's own name of its survey", () => {
  const named = all.filter(({ data }) => data["surveyId"] === surveyIds[0]);
  expect(named.every(({ data }) => data["externalRef"] === "Order 1")).toBe(true);
  const unnamed = all.filter(({ data }) => data["surveyId"] === surveyIds[1]);
  expect(unnamed.some(({ data }) => "externalRef" in data)).toBe(false);
});

test("pages of any size give the same events, none twice and none left out", async () => {
  for (const limit of [1, 2, 3, 100]) expect(await follow(`limit=${limit}`)).toEqual(all);
  const types = "survey.created,consent.given";
  const wanted = all.filter(({ type }) => types.split(",").includes(type));
  expect(wanted).toHaveLength(4);
  for (const limit of [1, 3, 100]) expect(await follow(`limit=${limit}&types=${types}`)).toEqual(wanted);
});

test("the end is an empty page that says where it is", async () => {
  const { nextAfter } = await page("?limit=100");
  expect(await page(`?after=${nextAfter}`)).toEqual({ items: [], nextAfter, more: false });
  expect(await page("?after=999999999")).toEqual({ items: [], nextAfter: 999999999, more: false });
});

test.each(["?after=-1", "?after=x", "?types=", "?types=survey.made", "?limit=0", "?limit=101", "?tenantId=tnt_1"])(
  "%s is refused",
  async (query) => {
    expect((await api(`GET /v1/events${query}`, { token: tenant.owner.token })).status).toBe(400);
  },
);

test("another tenant sees its own events only", async () => {
  const other = await newTenant();
  const items = await until("the other tenant's first event", 20, async () => {
    const found = await page("?limit=100", other);
    return found.items.length > 0 ? found.items : undefined;
  });
  expect(items.map(({ type }) => type)).toEqual(["tenant.activated"]);
});
