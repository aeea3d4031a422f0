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

/** Whoever comes upon the lease of a dead worker waits for its end, which a simulation may not have the time for. */
function leasesOf(seconds: number) {
  const file = "shared/videos/workLease.ts";
  return [
    { file, text: "const leaseMs = 60_000;", instead: `const leaseMs = ${seconds * 1000};` },
    { file, text: "const renewMs = 20_000;", instead: `const renewMs = ${(seconds * 1000) / 3};` },
  ];
}

export interface BuildOptions {
  /** The previous build cannot read what the next one has written. */
  readonly fault: boolean;
  /** How long a lease on a video lasts that nobody renews; 60 in the product. */
  readonly leaseSeconds: number;
}

/** Builds both apps into the folder. */
export async function buildBoth(folder: string, { fault, leaseSeconds }: BuildOptions): Promise<Builds> {
  const builds = { previous: join(folder, "previous"), next: join(folder, "next") };
  await Promise.all(Object.values(builds).map((build) => mkdir(build, { recursive: true })));
  const both = leasesOf(leaseSeconds);
  await buildWithFault({ patches: [...both, ...(fault ? blind : [])] }, builds.previous);
  await buildWithFault({ patches: [...both, ...nextRelease] }, builds.next);
  return builds;
}
