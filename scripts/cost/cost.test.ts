import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { fault } from "../../shared/validator.ts";
import { environments, snapshotFile } from "../bicep/snapshots.ts";
import { type Estate, estateOf } from "./estate.ts";
import { Prices, type Usage, Usages } from "./inputs.ts";
import { type Meter, meterNames, meters } from "./meters.ts";
import { quantities } from "./quantities.ts";
import { costOf, missing, report } from "./report.ts";

const root = join(import.meta.dirname, "..", "..");
const operations = join(root, "docs", "operations");
const committed = async (name: string) => JSON.parse(await readFile(join(operations, name), "utf8")) as unknown;

const estate: Estate = {
  plans: { api: { sku: "EP1", instances: 1 }, worker: { sku: "EP2", instances: 2 } },
  maxRequestUnits: 3_000,
  redundancy: "ZRS",
  isScanned: true,
  queues: 1,
  logDays: 31,
  logAlerts: 6,
  metricAlerts: 2,
  privateAddresses: 6,
  privateZones: 5,
};
const usage: Usage = {
  surveysPerMonth: 1_024,
  videosPerSurvey: 2,
  minutesPerVideo: 3,
  recordedMbPerMinute: 100,
  preparedMbPerMinute: 20,
  monthsKept: 6,
  viewsPerVideo: 1,
  requestsPerSurvey: 50,
  mailsPerSurvey: 2,
  blobWritesPerVideo: 100,
  blobReadsPerVideo: 50,
  keyOperationsPerSurvey: 10,
  databaseKbPerSurvey: 64,
  databaseShare: 0.5,
  logKbPerRequest: 2,
  scaledOutHours: 10,
};
const priced = (price: number, but: Partial<Record<Meter, number | null>> = {}): Prices => ({
  currency: "EUR",
  asOf: "2026-12-01",
  prices: { ...Object.fromEntries(meterNames.map((name) => [name, price])), ...but },
});
const unitsOf = (of: Estate = estate, by: Usage = usage) =>
  Object.fromEntries(quantities(of, by).map(({ meter, units }) => [meter, units]));

test("a month is counted as by hand", () => {
  expect(unitsOf()).toMatchObject({
    planHourEP1: 730,
    planHourEP2: 2 * 730 + 10,
    databaseRequestUnits: 30 * 0.5 * 730,
    databaseGb: (1_024 * 64 * 6) / 1_024 ** 2,
    // 2,048 videos of three minutes: 600 GB recorded, 120 GB prepared.
    blobGbZRS: 720 * 6,
    blobWrites: 20.48,
    scannedGb: 1_320,
    trafficGb: 120,
    // One queue, looked at by two instances each five seconds.
    queueOperations: (2 * 730 * 720) / 10_000,
    mails: 2.048,
    events: 4_096 / 1e6,
    privateAddressHour: 6 * 730,
  });
});

test("plans of one size are one meter, and what is not there costs nothing", () => {
  const small = { ...estate, plans: { api: estate.plans.api, worker: estate.plans.api }, isScanned: false };
  const units = unitsOf({ ...small, privateAddresses: 0, privateZones: 0 });
  expect(units).toMatchObject({ planHourEP1: 2 * 730 + 10, events: 2_048 / 1e6 });
  for (const meter of ["planHourEP2", "scannedGb", "scannedAccount", "privateAddressHour", "privateZone", "logKeptGb"])
    expect(units).not.toHaveProperty(meter);
});

test("logs cost for each month beyond the first 31 days", () => {
  const { logGb = 0, logKeptGb = 0 } = unitsOf({ ...estate, logDays: 31 + 365 });
  expect(logKeptGb).toBeCloseTo(logGb * 12);
});

test("what a month costs is units by price, and for each survey its share", () => {
  const used = [
    { meter: "mails", units: 2 },
    { meter: "scannedGb", units: 100 },
  ] as const;
  const prices = priced(0, { mails: 0.25, scannedGb: 0.15 });
  expect(costOf(used, prices.prices)).toBeCloseTo(15.5);
  expect(report("sandbox", used, prices, 10).split("\n")).toEqual([
    "sandbox: 15.50 EUR a month, 1.55 a survey",
    `    2   0.50  mails      ${meters.mails}`,
    `  100  15.00  scannedGb  ${meters.scannedGb}`,
  ]);
});

test("a price that is used and unknown is named, and no sum is shown that leaves it out", () => {
  const used = quantities(estate, usage);
  expect(missing(used, priced(1))).toEqual([]);
  expect(missing(used, priced(1, { scannedGb: null, planHourEP3: null }))).toEqual([
    `prices.scannedGb: ${meters.scannedGb}`,
  ]);
  expect(missing(used, { ...priced(1), currency: null, asOf: null })).toHaveLength(2);
  expect(costOf(used, priced(1, { scannedGb: null }).prices)).toBeUndefined();
  expect(report("production", used, priced(1, { scannedGb: null }), 1)).toMatch(/^production: \? EUR a month, \? a/u);
});

test.each([
  ["a negative price", { ...priced(1), prices: { ...priced(1).prices, mails: -1 } }],
  ["a meter that there is not", { ...priced(1), prices: { ...priced(1).prices, coffee: 1 } }],
  ["a meter left out", { ...priced(1), prices: { mails: 1 } }],
  ["a currency without its code", { ...priced(1), currency: "euros" }],
])("%s is refused", (_case, prices) => {
  expect(fault(Prices, prices)).toBeDefined();
});

test("the files that are to be filled in have every meter and environment, and are explained", async () => {
  expect(fault(Prices, await committed("prices.json"))).toBeUndefined();
  expect(fault(Usages, await committed("usage.json"))).toBeUndefined();
  const text = await readFile(join(operations, "cost.md"), "utf8");
  for (const name of Object.keys(Usages.properties.production.properties)) expect(text).toContain(`\`${name}\``);
});

test("what is paid for in any case is what the infrastructure has", async () => {
  for (const name of environments) {
    const { predictedResources } = JSON.parse(await readFile(snapshotFile(name), "utf8")) as {
      predictedResources: Parameters<typeof estateOf>[0];
    };
    const { plans, maxRequestUnits, queues, logDays, logAlerts } = estateOf(predictedResources);
    for (const { sku, instances } of Object.values(plans)) {
      expect(meterNames).toContain(`planHour${sku}`);
      expect(instances).toBeGreaterThan(0);
    }
    for (const number of [maxRequestUnits, queues, logDays, logAlerts]) expect(number).toBeGreaterThan(0);
  }
});

test("the command ends with 2 and says what is missing, and with 0 once nothing is", async () => {
  const run = (...args: readonly string[]) =>
    promisify(execFile)("node", [join(root, "scripts", "cost.ts"), ...args]).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: "" }),
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
  const dir = await mkdtemp(join(tmpdir(), "callpilot-cost-"));
  try {
    const [empty, full] = [join(dir, "empty.json"), join(dir, "full.json")];
    const nothing = Object.fromEntries(meterNames.map((name) => [name, null]));
    await writeFile(empty, JSON.stringify({ currency: null, asOf: null, prices: nothing }));
    await writeFile(full, JSON.stringify(priced(0.1)));
    const before = await run("--prices", empty);
    expect(before).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("prices.planHourEP1: one instance") as string,
    });
    const after = await run("--prices", full);
    expect(after.code).toBe(0);
    for (const name of environments)
      expect(after.stdout).toMatch(new RegExp(`^${name}: [\\d,.]+ EUR a month, [\\d,.]+ a survey$`, "mu"));
    expect(await run("--prices", join(dir, "none.json"))).toMatchObject({ code: 2 });
  } finally {
    await rm(dir, { recursive: true });
  }
});
