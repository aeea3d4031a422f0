import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

interface Manifest {
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Manifest;
const { dependencies, devDependencies, optionalDependencies } = manifestOf("package.json");
const direct = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });

const register = new Map(
  readFileSync("docs/dependencies.md", "utf8")
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter((cells) => cells.length === 7 && cells[1] !== "package" && !cells[1]?.startsWith("-"))
    .map(([, name = "", version, licence, why, keeper]) => [name, { version, licence, why, keeper }] as const),
);

describe("the dependency register", () => {
  it("has a whole row for every direct dependency, and none for anything else", () => {
    expect([...register.keys()].sort()).toEqual(direct.map(([name]) => name).sort());
    for (const row of register.values()) expect(Object.values(row).every((cell) => cell !== "")).toBe(true);
  });

  it.each(direct)("tells the version and the licence of %s", (name, version) => {
    const row = register.get(name);
    expect(version).toMatch(/^\d+\.\d+\.\d+$/u);
    expect(row?.version).toBe(version);
    const file = `node_modules/${name}/package.json`;
    // Packages of other platforms are not installed here.
    const installed = existsSync(file) ? manifestOf(file) : { version, license: row?.licence };
    expect(row).toMatchObject({ version: installed.version, licence: installed.license });
  });
});
