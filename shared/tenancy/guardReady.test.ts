import { expect, it } from "vitest";
import { currentBoundary } from "./boundary.ts";
import { databaseOfFileForTests } from "./databaseForTests.ts";
import { guardCountsForTests } from "./guard.ts";
import { guardReady } from "./guardReady.ts";

const database = databaseOfFileForTests();

it("tries four ways past the guard, none of which leaves the process or a boundary open", async () => {
  const before = guardCountsForTests();
  await expect(guardReady()).resolves.toBeUndefined();
  expect(guardCountsForTests()).toEqual({ requests: before.requests + 4, refused: before.refused + 4 });
  const arrived = database.cosmos.requests.records().filter(({ operation }) => operation !== "document.queryPlan");
  expect(arrived.filter(({ operation }) => operation.startsWith("document."))).toEqual([]);
  expect(currentBoundary()).toBeUndefined();
});
