import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { fullFormats } from "ajv-formats/dist/formats.js";
import { expect, test } from "vitest";
import { isForProduction, lockedPackages, nameOf } from "../packages/lockfile.ts";
import { billOfMaterials } from "./bill.ts";

interface Bill {
  readonly components: readonly { readonly name: string; readonly group?: string; readonly purl: string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

const product = { name: "callpilot", version: "0.1.0" };
const packages = lockedPackages();
const text = billOfMaterials(product, packages);
const bill = JSON.parse(text) as Bill;

const folder = "node_modules/@cyclonedx/cyclonedx-library/res/schema";
const schema = (name: string) => JSON.parse(readFileSync(`${folder}/${name}.SNAPSHOT.schema.json`, "utf8")) as object;

test("holds to CycloneDX's own schema", () => {
  const ajv = new Ajv({ strict: false, validateFormats: true });
  for (const [name, format] of Object.entries(fullFormats)) ajv.addFormat(name, format);
  // Addresses and mail addresses with any letter; ours have none of either beyond ASCII.
  for (const name of ["iri-reference", "idn-email"]) ajv.addFormat(name, true);
  for (const name of ["spdx", "jsf-0.82", "cryptography-defs"])
    ajv.addSchema({ ...schema(name), $id: `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json` });
  const validate = ajv.compile(schema("bom-1.6"));
  validate(bill);
  expect(validate.errors ?? []).toEqual([]);
  expect(validate({ ...bill, bomFormat: "Another" })).toBe(false);
});

test("names every package of the product and no tool", () => {
  const expected = Object.entries(packages).filter(([, locked]) => isForProduction(locked));
  expect(bill.components).toHaveLength(expected.length);
  const names = bill.components.map(({ group, name }) => (group === undefined ? name : `${group}/${name}`));
  expect(names.toSorted()).toEqual(expected.map(([at]) => nameOf(at)).toSorted());
  expect(names).toContain("@azure/cosmos");
  expect(names).not.toContain("vitest");
});

test("is the same text for the same lockfile", () => {
  expect(billOfMaterials(product, packages)).toBe(text);
});

test("knows which package needs which, the nearest first", () => {
  const one = { version: "1.0.0", integrity: `sha512-${"A".repeat(86)}==`, license: "MIT" };
  const made = JSON.parse(
    billOfMaterials(product, {
      "node_modules/a": { ...one, dependencies: { b: "^2", c: "^1" } },
      "node_modules/b": one,
      "node_modules/a/node_modules/b": { ...one, version: "2.0.0" },
      "node_modules/c": { ...one, dependencies: { b: "^1" } },
    }),
  ) as Bill;
  const needs = (ref: string) => made.dependencies.find((entry) => entry.ref === ref)?.dependsOn;
  expect(needs("node_modules/a")).toEqual(["node_modules/a/node_modules/b", "node_modules/c"]);
  expect(needs("node_modules/c")).toEqual(["node_modules/b"]);
});
