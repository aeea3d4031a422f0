import { setTimeout as delay } from "node:timers/promises";
import { ownSecretsReady } from "../protection/secrets.ts";
import { protectionReady } from "../protection/protection.ts";
import { wrappingKeyReady } from "../protection/vault.ts";
import { storageReady } from "../storage/storageReady.ts";
import { databaseReady } from "../tenancy/databaseReady.ts";
import { guardReady } from "../tenancy/guardReady.ts";

/** Something that the app cannot work without, and whether it answers. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Why it does not; for the log. */
  readonly reason?: DependencyAway;
}

/** The dependency that the code names does not answer. The cause says why, unless it said nothing in time. */
export class DependencyAway extends Error {
  override readonly name = "DependencyAway";
  readonly code: string;

  constructor(dependency: string, cause?: unknown) {
    super(dependency, { cause });
    this.code = dependency;
  }
}

const dependencies: Readonly<Record<string, () => Promise<void>>> = {
  database: databaseReady,
  storage: storageReady,
  "key-ring": protectionReady,
  "wrapping-key": wrappingKeyReady,
  secrets: ownSecretsReady,
  "tenancy-guard": guardReady,
};

const limitMs = 2_000;
/** Whoever asks meanwhile shares the answer, so that asking cannot become a load. */
const validMs = 1_000;

let latest: { readonly until: number; readonly checks: Promise<readonly Check[]> } | undefined;

/** All dependencies at once, each given two seconds; at most one second old. Never rejects. */
export async function readiness(): Promise<readonly Check[]> {
  if (latest === undefined || latest.until < performance.now())
    latest = {
      until: performance.now() + validMs,
      checks: Promise.all(Object.entries(dependencies).map(([name, answers]) => check(name, answers))),
    };
  return await latest.checks;
}

async function check(name: string, answers: () => Promise<void>): Promise<Check> {
  const timer = new AbortController();
  const answered = answers().then(
    () => ({ name, ok: true }),
    (error: unknown) => ({ name, ok: false, reason: new DependencyAway(name, error) }),
  );
  const late = { name, ok: false, reason: new DependencyAway(name) };
  const waited = delay(limitMs, late, { signal: timer.signal }).catch(() => late);
  const checked = await Promise.race([answered, waited]);
  timer.abort();
  return checked;
}
