import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { buildWithFault } from "../certify/plantedFaults.ts";

/** `previous` is the app as it stands, `next` a release after it. */
export type BuildName = "previous" | "next";

/** Folder of each built app. */
export type Builds = Readonly<Record<BuildName, string>>;

/**
 * The next release, made of today's source: one version later in all that outlives a process, with a field more. So it is
 * today's code that has to read what it does not know yet, as the live build does during a swap.
 */
const nextRelease = [
  {
    file: "shared/tenancy/kind.ts",
    text: "return { name, lists, ...shape };",
    instead:
      "return { name, lists, ...shape, schemaVersion: shape.schemaVersion + 1, upgrade: (previous) => ({ ...previous, sinceNext: false }) as T };",
  },
  {
    file: "shared/tenancy/change.ts",
    text: "return { ...fields, ...ttl, id,",
    instead: "return { sinceNext: true, ...fields, ...ttl, id,",
  },
  { file: "shared/tenancy/log.ts", text: "schemaVersion: 1", instead: "schemaVersion: 2" },
  { file: "shared/storage/queues.ts", text: "const schemaVersion = 1;", instead: "const schemaVersion = 2;" },
  {
    file: "shared/storage/queues.ts",
    text: "JSON.stringify({ schemaVersion, ...message })",
    instead: "JSON.stringify({ schemaVersion, sinceNext: true, ...message })",
  },
  {
    file: "shared/videos/manifest.ts",
    text: "return { schemaVersion: 1, ...place };",
    instead: "return { schemaVersion: 2, sinceNext: true, ...place };",
  },
  { file: "shared/auth/sessionBearer.ts", text: "const version = 1;", instead: "const version = 2;" },
  {
    file: "shared/auth/sessionBearer.ts",
    text: "protectJson({ v: version, ...said, exp })",
    instead: "protectJson({ v: version, sinceNext: true, ...said, exp })",
  },
];

/** The release cannot be gone back from: the build before it refuses what it has written. */
const blind = [
  {
    file: "shared/tenancy/repository.ts",
    text: "if (schemaVersion === kind.schemaVersion + 1) return fields as T;",
    instead: "",
  },
];

/** Builds both apps into the folder; with `fault` the previous one cannot read what the next has written. */
export async function buildBoth(folder: string, { fault }: { readonly fault: boolean }): Promise<Builds> {
  const builds = { previous: join(folder, "previous"), next: join(folder, "next") };
  await Promise.all(Object.values(builds).map((build) => mkdir(build, { recursive: true })));
  await buildWithFault({ patches: fault ? blind : [] }, builds.previous);
  await buildWithFault({ patches: nextRelease }, builds.next);
  return builds;
}
