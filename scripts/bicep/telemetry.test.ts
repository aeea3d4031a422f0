import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { committedResourcesForTests, environments } from "./snapshots.ts";

interface HostJson {
  readonly logging: {
    readonly logLevel: Readonly<Record<string, string>>;
    readonly applicationInsights: { readonly samplingSettings: { readonly excludedTypes: string } };
  };
}

/** What the host calls in `excludedTypes` that it writes to a table. */
const types: Readonly<Record<string, string>> = { AppRequests: "Request", AppTraces: "Trace" };

test.each(environments)("the host of %s writes, each time, what alerts and workbook ask for", async (environment) => {
  const { logging } = JSON.parse(await readFile("host.json", "utf8")) as HostJson;
  const asked = (await committedResourcesForTests(environment))
    .filter(({ type }) => ["Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/workbooks"].includes(type))
    .flatMap(({ properties }) => JSON.stringify(properties).match(/\bApp[A-Z]\w+/gu) ?? []);
  const wanted = new Set(asked.map((table) => types[table] ?? table));
  expect(wanted).toEqual(new Set(["Request", "Trace"]));
  // Of what is not excluded the host keeps some twenty a second: a line that an alert waits for may be among the others.
  const kept = logging.applicationInsights.samplingSettings.excludedTypes.split(";");
  expect(kept).toEqual(expect.arrayContaining([...wanted]));
  // A request is an `Information` of the category Host.Results: above that level the host writes none.
  const level = logging.logLevel["Host.Results"] ?? logging.logLevel["Host"] ?? logging.logLevel["default"];
  expect(level).toBe("Information");
});
