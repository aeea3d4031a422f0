import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const file = join(import.meta.dirname, "..", "..", "bicep", "modules", "cosmos.bicep");

// Snapshots tell of no order.
test("containers and roles of the database are made one at a time: each locks the account", async () => {
  const text = await readFile(file, "utf8");
  const namesOf = (loop: RegExp) => Array.from(text.matchAll(loop), ([, name]) => name);
  const loops = namesOf(/^ *resource (\w+) '.+ = \[$/gmu);
  expect(loops).toEqual(["each", "given"]);
  expect(namesOf(/^ *@batchSize\(1\)\n *resource (\w+) '.+ = \[$/gmu)).toEqual(loops);
});
