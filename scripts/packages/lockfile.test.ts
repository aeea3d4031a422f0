import { describe, expect, test } from "vitest";
import { integrityProblems, licenceProblems, lockedPackages, scriptProblems } from "./lockfile.ts";

const hash = `sha512-${"A".repeat(86)}==`;
const good = { version: "1.0.0", integrity: hash, license: "MIT" };

describe("the lockfile is refused when a package", () => {
  test.each([
    ["has no hash", { ...good, integrity: undefined }],
    ["has a weak hash", { ...good, integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }],
    ["comes from an address of its own", { ...good, resolved: "https://packages.example.com/a.tgz" }],
    ["is another under its name", { ...good, name: "b" }],
    ["is a link", { ...good, link: true }],
  ])("%s", (_, locked) => {
    expect(integrityProblems({ "node_modules/a": locked as typeof good })).toHaveLength(1);
    expect(integrityProblems({ "node_modules/a": good })).toEqual([]);
  });

  test("runs something at install that nobody decided about", () => {
    const packages = { "node_modules/x/node_modules/a": { ...good, hasInstallScript: true } };
    expect(scriptProblems(packages, {})).toHaveLength(1);
    expect(scriptProblems(packages, { a: false })).toEqual([]);
  });
});

describe("a licence", () => {
  const licence = (license: string | undefined, more: object = {}) => ({
    "node_modules/a": { version: "1.0.0", integrity: hash, ...(license !== undefined && { license }), ...more },
  });

  test.each(["GPL-3.0-only", "SEE LICENSE IN FILE", "(MIT AND GPL-2.0-only)", "MPL-2.0", undefined])(
    "%s is refused in the product",
    (name) => {
      expect(licenceProblems(licence(name), [])).toHaveLength(1);
    },
  );

  test("may be one of several", () => {
    expect(licenceProblems(licence("(MIT OR GPL-2.0-only)"), [])).toEqual([]);
  });

  test("may be wider for a tool", () => {
    expect(licenceProblems(licence("MPL-2.0", { dev: true }), [])).toEqual([]);
  });

  test("has exceptions by name and licence, none of them needless", () => {
    expect(licenceProblems(licence("MPL-2.0"), [{ name: "a", licence: "MPL-2.0" }])).toEqual([]);
    expect(licenceProblems(licence("GPL-2.0-only"), [{ name: "a", licence: "MPL-2.0" }])).toHaveLength(2);
    expect(licenceProblems(licence("MIT"), [{ name: "a", licence: "MPL-2.0" }])).toEqual(["a: needs no exception"]);
  });
});

test("the real lockfile is read whole", () => {
  const names = Object.keys(lockedPackages());
  expect(names.length).toBeGreaterThan(500);
  expect(names).toContain("node_modules/@azure/cosmos");
});
