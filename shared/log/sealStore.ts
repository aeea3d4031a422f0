import { type Static, Type } from "@sinclair/typebox";
import { PublicKey } from "../protection/signature.ts";
import { getJson, listByPrefix, putJson } from "../storage/blobs.ts";
import { systemContainer } from "../storage/containers.ts";
import { StoragePreconditionFailed } from "../storage/errors.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { fault } from "../validator.ts";
import { Seal } from "./seal.ts";

/** A seal with the key that verifies it, so that it outlives the vault's own versions. */
const StoredSeal = Type.Object(
  { seal: Seal, key: PublicKey },
  { $comment: "Open: the next build may keep more beside a seal" },
);
export type StoredSeal = Static<typeof StoredSeal>;

/**
 * Where a seal is kept: `<tenant>/<month>/<sequence>.json`, a closing one as `closed.json`, which stands behind its
 * month's others by name. In Azure the container is under a locked immutability policy; here, too, nothing is overwritten.
 */
function nameOf({ tenantId, kind, month, sequence }: Seal): string {
  return `${tenantId}/${month}/${kind === "close" ? "closed" : String(sequence).padStart(12, "0")}.json`;
}

const container = () => systemContainer("seals");

/**
 * Keeps the seal, for good, unless there is one of that place: the first one stays. Throws if that one is of another entry:
 * the log has forked, and a person has to know.
 */
export async function keepSeal(stored: StoredSeal): Promise<void> {
  const name = nameOf(stored.seal);
  try {
    await putJson(container(), name, stored, { ifNoneMatch: "*" });
  } catch (error) {
    if (!(error instanceof StoragePreconditionFailed)) throw error;
    const { seal } = await readSeal(name);
    if (seal.sequence !== stored.seal.sequence || seal.hash !== stored.seal.hash)
      throw new Error(`the log has another entry ${stored.seal.sequence} than the one that was sealed`, {
        cause: error,
      });
  }
}

/** The newest seal of the log's end. Lists the names of the tenant's seals, about 400 a year. */
export async function latestSeal({ tenantId }: TenantScope): Promise<Seal | undefined> {
  let latest: string | undefined;
  for await (const { name } of listByPrefix(container(), `${tenantId}/`))
    if (/\/\d{12}\.json$/u.test(name)) latest = name;
  return latest === undefined ? undefined : (await readSeal(latest)).seal;
}

/** The first seals of a month, in the order of their entries, its closing one last. */
export async function sealsOf({ tenantId }: TenantScope, month: string, limit: number): Promise<StoredSeal[]> {
  const names: string[] = [];
  for await (const { name } of listByPrefix(container(), `${tenantId}/${month}/`)) {
    names.push(name);
    if (names.length === limit) break;
  }
  return await Promise.all(names.map(readSeal));
}

/** Throws where a seal, genuine as it may be, was put in the place of another: who can add blobs could set the past back. */
async function readSeal(name: string): Promise<StoredSeal> {
  const found = await getJson(container(), name);
  if (found === undefined || fault(StoredSeal, found.value) !== undefined) throw new Error(`${name} is no seal`);
  const stored = found.value as StoredSeal;
  if (nameOf(stored.seal) !== name) throw new Error(`${name} is another place's seal`);
  return stored;
}
