import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { environments, snapshotFile } from "./bicep/snapshots.ts";
import { estateOf } from "./cost/estate.ts";
import { Prices, Usages } from "./cost/inputs.ts";
import { quantities } from "./cost/quantities.ts";
import { missing, report } from "./cost/report.ts";
import { readJson } from "./verify/inputs.ts";

const folder = join(import.meta.dirname, "..", "docs", "operations");
const usage = `Says what each environment costs in a month: what bicep/snapshots have, used as docs/operations/usage.json says, at the
prices of docs/operations/prices.json.

  npm run cost [-- --prices FILE] [--usage FILE]

Exit code 2: a price is missing, or a file cannot be used.`;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`cost: ${(error as Error).message}`);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      prices: { type: "string", default: join(folder, "prices.json") },
      usage: { type: "string", default: join(folder, "usage.json") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const prices = (await readJson(values.prices, Prices)) as Prices;
  const usages = (await readJson(values.usage, Usages)) as Usages;
  const all = await Promise.all(
    environments.map(async (name) => {
      const snapshot = JSON.parse(await readFile(snapshotFile(name), "utf8")) as Snapshot;
      return { name, used: quantities(estateOf(snapshot.predictedResources), usages[name]) };
    }),
  );
  for (const { name, used } of all) console.log(`${report(name, used, prices, usages[name].surveysPerMonth)}\n`);
  const unknown = missing(
    all.flatMap(({ used }) => used),
    prices,
  );
  if (unknown.length === 0) return 0;
  console.error([`cost: ${values.prices} does not say:`, ...unknown].join("\n  "));
  return 2;
}

interface Snapshot {
  readonly predictedResources: Parameters<typeof estateOf>[0];
}
