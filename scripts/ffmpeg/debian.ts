import { spawn, spawnSync } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** This machine cannot build ffmpeg; the message says what is missing. */
export class Unbuildable extends Error {
  override readonly name = "Unbuildable";
}

/** What the build needs beside `build-essential`, by the names of Debian's packages. */
const packages = [
  ...["build-essential", "dpkg-dev", "pkg-config", "nasm", "meson", "ninja-build"],
  ...["libx264-dev", "libzimg-dev", "zlib1g-dev"],
];

/** Debian's name of the release that runs here. Throws {@link Unbuildable} elsewhere. */
export async function release(): Promise<string> {
  const facts = await readFile("/etc/os-release", "utf8").catch(() => "");
  const fact = (name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, "mu").exec(facts)?.[1];
  const codename = fact("VERSION_CODENAME");
  if (fact("ID") !== "debian" || codename === undefined)
    throw new Unbuildable("it is built on Debian, from Debian's sources: run this in a container of debian:bookworm.");
  return codename;
}

/** Installs what is missing, as root; throws {@link Unbuildable} with the command for everybody else. */
export async function installPackages(): Promise<void> {
  const missing = packages.filter((name) => versionOf(name) === undefined);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new Unbuildable(`it needs more of Debian: sudo apt-get install --no-install-recommends ${missing.join(" ")}`);
  console.log(`Installing ${missing.join(", ")} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    await run("apt-get", ["-qq", "update"], { env });
    await run("apt-get", ["-qq", "install", "-y", "--no-install-recommends", ...missing], { env });
  } catch (error) {
    throw new Unbuildable(`Debian's packages cannot be installed: ${(error as Error).message}`);
  }
}

/** Version of an installed package. */
export function versionOf(name: string): string | undefined {
  const { status, stdout } = spawnSync("dpkg-query", ["-W", "-f", "${db:Status-Status} ${Version}", name], {
    encoding: "utf8",
  });
  const [state, version] = stdout.split(" ");
  return status === 0 && state === "installed" ? version : undefined;
}

/**
 * Fetches source packages with Debian's patches into `<folder>/sources`; apt checks their hashes against the signed
 * index. Nothing of the machine's own apt is changed. Throws {@link Unbuildable} where they cannot be had.
 */
export async function fetchSources(names: readonly string[], codename: string, folder: string): Promise<void> {
  const sources = join(folder, "sources");
  const lists = join(folder, "lists");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(sources, { recursive: true });
  const places = [`debian ${codename}`, `debian-security ${codename}-security`].map(
    (place) =>
      `deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/${place} main\n`,
  );
  const list = join(folder, "sources.list");
  await writeFile(list, places.join(""));
  const apart = [
    ...["-qq", "-o", `Dir::Etc::SourceList=${list}`, "-o", "Dir::Etc::SourceParts=/dev/null"],
    ...["-o", `Dir::State::Lists=${lists}`, "-o", "APT::Sandbox::User=root"],
  ];
  try {
    await run("apt-get", [...apart, "update"], { cwd: sources });
    await run("apt-get", [...apart, "source", "--download-only", ...names], { cwd: sources });
  } catch (error) {
    throw new Unbuildable(`Debian's sources cannot be fetched: ${(error as Error).message}`);
  }
}

/** Unpacks a fetched source package, Debian's patches applied; gives its folder. */
export async function unpackSource(name: string, folder: string): Promise<string> {
  const sources = join(folder, "sources");
  const description = (await readdir(sources)).find((file) => file.startsWith(`${name}_`) && file.endsWith(".dsc"));
  if (description === undefined) throw new Error(`the source of ${name} has no description`);
  const unpacked = join(folder, name);
  // apt has checked the file against the archive's signature; the maintainer's own key need not be here.
  await run("dpkg-source", ["--no-check", "-x", join(sources, description), unpacked]);
  return unpacked;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program and gives its output; throws with the end of what it said when it fails. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    said = (said + chunk.toString()).slice(-4_000);
  });
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code ?? "a signal"}\n${said.trim()}`);
  return output;
}
