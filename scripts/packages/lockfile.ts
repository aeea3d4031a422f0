import { readFileSync } from "node:fs";
import satisfies from "spdx-satisfies";

/** What npm's lockfile (version 3) says of one installed package; its key is the folder. */
export interface LockedPackage {
  readonly name?: string;
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type LockedPackages = Readonly<Record<string, LockedPackage>>;

export function lockedPackages(file = "package-lock.json"): LockedPackages {
  const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: LockedPackages };
  return Object.fromEntries(Object.entries(packages).filter(([folder]) => folder !== ""));
}

export const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf("node_modules/") + 13);
export const isForProduction = ({ dev, devOptional }: LockedPackage): boolean => dev !== true && devOptional !== true;

/** SHA-512 in base64: 64 bytes, two signs of padding (Subresource Integrity). */
const integrity = /^sha512-[\w+/]{86}==$/u;

/**
 * Why the lockfile does not vouch for what is installed. Each package comes from the registry that the installer names,
 * under its own name, and its bytes are those of the hash: so a registry, a mirror or a proxy can only serve or fail.
 */
export function integrityProblems(packages: LockedPackages): string[] {
  return Object.entries(packages).flatMap(([folder, locked]) => {
    const problems: string[] = [];
    if (locked.link === true || !folder.startsWith("node_modules/")) problems.push("is not from the registry");
    if (!integrity.test(locked.integrity ?? "")) problems.push("has no SHA-512 hash");
    if (locked.resolved !== undefined) problems.push("names an address: lockfiles here name none");
    if (locked.name !== undefined && locked.name !== nameOf(folder)) problems.push(`is ${locked.name} by another name`);
    return problems.map((problem) => `${folder} ${problem}`);
  });
}

/** Packages that would run something at install and that `allowScripts` does not speak of. */
export function scriptProblems(packages: LockedPackages, decided: Readonly<Record<string, boolean>>): string[] {
  return Object.entries(packages)
    .filter(([folder, { hasInstallScript }]) => hasInstallScript === true && decided[nameOf(folder)] === undefined)
    .map(([folder]) => `${folder} has an install script: decide in package.json, allowScripts`);
}

const forAll = ["MIT", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "Unlicense"];
/** Fine for tools, which are not handed to anybody. */
const forTools = [...forAll, "MPL-2.0", "BlueOak-1.0.0", "CC0-1.0", "Python-2.0", "Artistic-2.0"];

export interface Exception {
  readonly name: string;
  /** As the package says it; `none` where it says nothing. */
  readonly licence: string;
}

/** Packages whose licence is neither on the list nor an exception, and exceptions that nobody needs. */
export function licenceProblems(packages: LockedPackages, exceptions: readonly Exception[]): string[] {
  const refused = Object.entries(packages)
    .filter(([, locked]) => !allows(locked.license, isForProduction(locked) ? forAll : forTools))
    .map(([folder, { license = "none" }]) => ({ name: nameOf(folder), licence: license }));
  const isSame = (one: Exception) => (other: Exception) => one.name === other.name && one.licence === other.licence;
  return [
    ...refused.filter((found) => !exceptions.some(isSame(found))).map(({ name, licence }) => `${name}: ${licence}`),
    ...exceptions.filter((one) => !refused.some(isSame(one))).map(({ name }) => `${name}: needs no exception`),
  ];
}

function allows(licence: string | undefined, list: readonly string[]): boolean {
  if (licence === undefined) return false;
  try {
    return satisfies(licence, list);
  } catch {
    // No SPDX expression: text or an address, which a person has to read.
    return false;
  }
}

/** The rows of the table of exceptions: package, licence, reason. */
export function exceptionsIn(register: string): Exception[] {
  return register
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter((cells) => cells.length === 5 && cells[1] !== "package" && cells[1]?.startsWith("-") !== true)
    .map(([, name = "", licence = ""]) => ({ name, licence }));
}
