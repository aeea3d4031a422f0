import fc from "fast-check";
import { expect, it } from "vitest";
import { fault } from "../validator.ts";
import { DerivedId, Id, TenantId, derivedId, isTenantId, newId, platformTenantId, prefixes } from "./ids.ts";

const prefix = fc.constantFrom(...Object.values(prefixes));

it("makes ids that their own schema takes and no other", () => {
  fc.assert(
    fc.property(prefix, prefix, (one, other) => {
      const id = newId(one);
      expect(fault(Id(one), id)).toBeUndefined();
      expect(fault(Id(other), id) === undefined).toBe(one === other);
      expect(fault(Id(one, other), id)).toBeUndefined();
      expect(fault(Id(other, one), id)).toBeUndefined();
      expect(fault(Id(one), `${id}0`)).toBeDefined();
    }),
  );
});

it("has one short prefix for each thing that has an id", () => {
  const all = Object.values(prefixes);
  for (const each of all) expect(each).toMatch(/^[a-z]{2,3}$/u);
  expect(new Set(all).size).toBe(all.length);
  expect(newId(prefixes.survey)).toMatch(/^svy_[0-9A-Z]{26}$/u);
  expect([platformTenantId, prefixes.tenant]).toEqual(["platform", "tnt"]);
});

it("writes a schema of one prefix as plainly as it can be", () => {
  expect(Id("tnt").pattern).toMatch(/^\^tnt_\[/u);
  expect(Id("tnt", "svy").pattern).toMatch(/^\^\(\?:tnt\|svy\)_\[/u);
});

it("makes ids in the order of their making", () => {
  const ids = Array.from({ length: 1000 }, () => newId(prefixes.fact));
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(1000);
});

it("takes for a tenant's id what names a tenant or the platform, and nothing near it", () => {
  const id = newId(prefixes.tenant);
  expect([id, platformTenantId].every(isTenantId)).toBe(true);
  const near = fc
    .tuple(fc.nat(id.length), fc.string({ minLength: 1, maxLength: 2, unit: "binary" }))
    .map(([at, more]) => id.slice(0, at) + more + id.slice(at));
  fc.assert(
    fc.property(near, (text) => {
      expect(isTenantId(text)).toBe(false);
    }),
  );
  for (const text of [id, platformTenantId]) expect(fault(TenantId, text)).toBeUndefined();
  for (const text of [`${id}\n`, id.toLowerCase(), `${platformTenantId}\n`, "Platform", newId(prefixes.survey), ""])
    expect([isTenantId(text), fault(TenantId, text) === undefined], JSON.stringify(text)).toEqual([false, false]);
});

it("derives ids from parts, not from what they look like together", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), fc.array(fc.string(), { minLength: 1 }), (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      expect(derivedId("mbr", ...one) === derivedId("mbr", ...other)).toBe(same);
      expect(fault(DerivedId("mbr"), derivedId("mbr", ...one))).toBeUndefined();
    }),
  );
  const id = derivedId("mbr", "a");
  for (const wrong of [`${id}0`, id.slice(0, -1), id.toUpperCase(), id.replace("mbr", "lse"), `x${id}`])
    expect(fault(DerivedId("mbr"), wrong), wrong).toBeDefined();
  expect(derivedId("mbr", "a", "b")).not.toBe(derivedId("mbr", "ab"));
});
