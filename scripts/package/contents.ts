import { access, readFile, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { lockedPackages } from "../packages/lockfile.ts";
import { billOfMaterials } from "../sbom/bill.ts";
import type { BuildInfo } from "../buildInfo.ts";
import { notices } from "./notices.ts";

/** What is to be in the zip, by its path in there. */
export type Contents = ReadonlyMap<string, { readonly bytes: Uint8Array; readonly executable?: true }>;

const root = join(import.meta.dirname, "..", "..");
const tools = join(root, ".cache", "ffmpeg");

/** Whether `npm run ffmpeg` has built what the package carries. */
export function toolsAreBuilt(): Promise<boolean> {
  return access(join(tools, "build.json")).then(
    () => true,
    () => false,
  );
}

/** The bundled app, what the host reads, what it was made of, and the tools unless they are left out. */
export async function contents(
  { app, sources }: { readonly app: string; readonly sources: readonly string[] },
  info: BuildInfo,
  options: { readonly withTools: boolean },
): Promise<Contents> {
  const found = new Map<string, { bytes: Uint8Array; executable?: true }>();
  const put = (path: string, bytes: Uint8Array | string) => found.set(path, { bytes: Buffer.from(bytes) });
  for (const entry of await readdir(app, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && entry.name.endsWith(".js")) {
      const file = join(entry.parentPath, entry.name);
      put(relative(app, file), await readFile(file));
    }
  const product = { name: "callpilot", version: info.version };
  put("package.json", json({ ...product, private: true, type: "module", main: "functions/**/*.js" }));
  put("host.json", await readFile(join(root, "host.json")));
  put("build.json", json(info));
  put("sbom.cdx.json", billOfMaterials(product, lockedPackages(join(root, "package-lock.json"))));
  put("third-party-notices.txt", await notices(root, sources));
  if (options.withTools) {
    for (const name of ["ffmpeg", "ffprobe"])
      found.set(`bin/${name}`, { bytes: await readFile(join(tools, name)), executable: true });
    put("bin/build.json", await readFile(join(tools, "build.json")));
  }
  return found;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
