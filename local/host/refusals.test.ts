import { describe, expect, test } from "vitest";
import { LocalError } from "../service.ts";
import { type AppSources, buildApp, runApp } from "./testing/app.ts";

describe("the host refuses an app", () => {
  const get = (name: string, options: string) =>
    `app.http("${name}", { methods: ["GET"], ${options} handler: () => ({ body: "" }) });`;

  test.each<[string, AppSources["functions"], readonly string[]]>([
    [
      "when one of its files throws at import",
      { fine: get("fine", ""), broken: `throw new Error("no such thing"); app;` },
      ["dist/functions/app/broken.js", "no such thing"],
    ],
    [
      "with another authLevel than anonymous",
      { keyed: get("keyed", `authLevel: "function",`) },
      ["keyed", "anonymous"],
    ],
    [
      "with two functions for one route",
      { one: get("one", `route: "a/{x}",`), two: get("two", `route: "A/{y}",`) },
      ["one", "two", "GET"],
    ],
    [
      "with a route that Azure would never reach, because a wider one has the earlier name",
      { getItem: get("getItem", `route: "items/{id}",`), listItems: get("listItems", `route: "items/list",`) },
      ["listItems", "getItem", "rename"],
    ],
    [
      "with a name that is taken",
      { one: get("same", `route: "a",`), two: get("Same", `route: "b",`) },
      ["two.js", "registered already"],
    ],
    [
      "with a trigger it does not have",
      { hub: `app.eventHub("hub", { connection: "E", eventHubName: "e", handler: () => undefined });` },
      ["eventHubTrigger", "hub"],
    ],
    [
      "with a binding it does not have",
      {
        bound: `import { output } from "@azure/functions";
          app.http("bound", { extraOutputs: [output.storageQueue({ queueName: "q", connection: "D" })], handler: () => ({}) });`,
      },
      ["queue", "bound"],
    ],
    [
      "with a retry policy where Azure has none",
      {
        queue: `app.storageQueue("queue", { queueName: "q", connection: "D",
          retry: { strategy: "fixedDelay", maxRetryCount: 1, delayInterval: 1 }, handler: () => undefined });`,
      },
      ["retry", "queue"],
    ],
    [
      "without the setting of a connection",
      { queue: `app.storageQueue("queue", { queueName: "q", connection: "DATA", handler: () => undefined });` },
      ["queue", "DATA__queueServiceUri"],
    ],
    [
      "with a schedule that never comes",
      { never: `app.timer("never", { schedule: "0 0 0 30 2 *", handler: () => undefined });` },
      ["never"],
    ],
    [
      "with two change feed functions on one lease",
      Object.fromEntries(
        ["one", "two"].map((name) => [
          name,
          `app.cosmosDB("${name}", { connection: "C", databaseName: "d", containerName: "c", handler: () => undefined });`,
        ]),
      ),
      ["one", "two", "leaseContainerPrefix"],
    ],
    ["without a function", { none: `export const nothing = app.http.name;` }, ["registers"]],
  ])("%s", async (_, functions, words) => {
    const { dir, remove } = await buildApp({ functions });
    try {
      const error: unknown = await runApp({ appDir: dir }, { C__accountEndpoint: "https://localhost:1" }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(LocalError);
      for (const word of words) expect(String(error)).toContain(word);
    } finally {
      await remove();
    }
  });
});
