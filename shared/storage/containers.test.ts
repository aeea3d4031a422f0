import * as fc from "fast-check";
import { expect, test } from "vitest";
import { containerName, quarantineContainer, tenantOfContainer } from "./containers.ts";

const crockford = Array.from("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
const ulids = fc
  .tuple(
    fc.constantFrom(...crockford.slice(0, 8)),
    fc.string({ unit: fc.constantFrom(...crockford), minLength: 25, maxLength: 25 }),
  )
  .map((parts) => parts.join(""));

test("a container's name is within Azure's rules and gives the tenant's id back", () => {
  fc.assert(
    fc.property(ulids, (ulid) => {
      const name = containerName(`tnt_${ulid}`);
      expect(name).toMatch(/^videos-[0-9a-z]{26}$/u);
      expect(tenantOfContainer(name)).toBe(`tnt_${ulid}`);
    }),
  );
});

test("two tenants never share a container", () => {
  fc.assert(
    fc.property(ulids, ulids, (one, other) => {
      fc.pre(one !== other);
      expect(containerName(`tnt_${one}`)).not.toBe(containerName(`tnt_${other}`));
    }),
  );
});

test("whatever is not a tenant's id names no container", () => {
  const near = fc
    .tuple(ulids, fc.nat({ max: 29 }), fc.string({ unit: "binary", minLength: 1, maxLength: 3 }))
    .map(([ulid, at, noise]) => `tnt_${ulid}`.slice(0, at) + noise + `tnt_${ulid}`.slice(at + 1));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), near), (text) => {
      fc.pre(!/^tnt_[0-7][0-9A-HJKMNP-TV-Z]{25}$/u.test(text));
      expect(() => containerName(text)).toThrow(RangeError);
    }),
  );
});

const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

test.each([
  quarantineContainer(`tnt_${ulid}`, "account").name,
  `videos-${ulid}`,
  ulid.toLowerCase(),
  `videos-videos-${ulid.toLowerCase()}`,
  `videos-${ulid.toLowerCase()}\n`,
  "ingest",
  "",
])("a container of no tenant's videos is nobody's: %j", (name) => {
  expect(tenantOfContainer(name)).toBeUndefined();
});

test.each([
  ["lower case", `tnt_${ulid.toLowerCase()}`],
  ["another prefix", `svy_${ulid}`],
  ["no prefix", ulid],
  ["a path", `tnt_${ulid}/../$root`],
  ["a line break at the end", `tnt_${ulid}\n`],
  ["a line break in front", `\ntnt_${ulid}`],
  ["a NUL", `tnt_${ulid.slice(0, -1)}\0`],
  ["a letter outside Crockford's alphabet", `tnt_${ulid.slice(0, -1)}U`],
  ["a first character beyond 128 bits", `tnt_8${ulid.slice(1)}`],
  ["a look-alike digit", `tnt_${ulid.slice(0, -1)}\u{FF11}`],
])("an id with %s is refused", (_case, id) => {
  expect(() => containerName(id)).toThrow(RangeError);
});
