import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { unzipSync } from "fflate";

/** No Bicep CLI can be had on this machine. The message is one sentence with the reason. */
export class NoBicep extends Error {
  override readonly name = "NoBicep";
}

const version = "0.49.2";
/** Of Microsoft's packages at NuGet: their SHA-512. */
const packages: Partial<Record<string, { readonly id: string; readonly sha512: string }>> = {
  "linux-x64": {
    id: "azure.bicep.commandline.linux-x64",
    sha512:
      "9019d7d221bdc1dfcf59d093c057d4be6e897a69fee4beec63b6fb1d08b993e2cbc1d166adbc38cb94532c5c5ec0214c741a944e188e20b31aeec8339253c401",
  },
};
const cache = join(import.meta.dirname, "..", "..", ".cache", "bicep");

/**
 * The Bicep CLI of the version that the snapshots were made with: one on the search path, else one fetched before, else
 * Microsoft's package, fetched once (115 MB) and compared with its hash. Throws {@link NoBicep}.
 */
export async function bicepCli(): Promise<string> {
  if (await isRight("bicep")) return "bicep";
  const cached = join(cache, `bicep-${version}`);
  if (await isRight(cached)) return cached;
  const wanted = packages[`${process.platform}-${process.arch}`];
  if (wanted === undefined)
    throw new NoBicep(
      `Bicep ${version} is not installed, and is fetched for Linux on x64 only: https://aka.ms/bicep-install`,
    );
  const bytes = await fetched(
    `https://api.nuget.org/v3-flatcontainer/${wanted.id}/${version}/${wanted.id}.${version}.nupkg`,
  );
  if (createHash("sha512").update(bytes).digest("hex") !== wanted.sha512)
    throw new Error(`The package of Bicep ${version} is not the one that was reviewed: its hash differs.`);
  const program = unzipSync(bytes, { filter: ({ name }) => name === "tools/bicep" })["tools/bicep"];
  if (program === undefined) throw new Error(`The package of Bicep ${version} has no program in it.`);
  await mkdir(cache, { recursive: true });
  const draft = `${cached}.${process.pid}`;
  try {
    await writeFile(draft, program);
    await chmod(draft, 0o755);
    await rename(draft, cached);
  } finally {
    await rm(draft, { force: true });
  }
  return cached;
}

async function isRight(program: string): Promise<boolean> {
  if (program.includes("/") && !(await access(program).then(yes, no))) return false;
  return await promisify(execFile)(program, ["--version"]).then(({ stdout }) => stdout.includes(` ${version} `), no);
}

async function fetched(url: string): Promise<Uint8Array> {
  const answer = await fetch(url).catch((error: unknown) => {
    throw new NoBicep(`Bicep ${version} is not installed and cannot be fetched: ${(error as Error).message}.`);
  });
  if (!answer.ok) throw new NoBicep(`Bicep ${version} is not installed and cannot be fetched: ${answer.status}.`);
  return await answer.bytes();
}

const yes = () => true;
const no = () => false;
