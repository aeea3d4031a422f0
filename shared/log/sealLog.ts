import { now } from "../clock.ts";
import { publicKey, sign } from "../protection/signing.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Seal, type Statement, isSealedBy, sealKeyName, sealOf, signedBytes } from "./seal.ts";
import { keepSeal, latestSeal } from "./sealStore.ts";
import { type ChainEnd, breakAt, chainStart } from "./verifyLog.ts";

/** Entries that are read at once. */
const chunk = 500;

/**
 * Signs where the tenant's log ends, and the last entry of each month that has ended since the last seal. Only what
 * follows, entry by entry, from the last seal is signed: throws where the log breaks, so that a changed past gets no
 * signature. May be repeated, and run by two at once: a seal is made once, and what has one is not signed again.
 */
export async function sealLog(tenant: TenantScope): Promise<void> {
  const latest = await latestSeal(tenant);
  if (latest !== undefined) await demandGenuine(tenant, latest);
  const sealed: ChainEnd =
    latest === undefined ? chainStart : { seq: latest.sequence, hash: latest.hash, month: latest.month };
  // Read before the entries: what is written meanwhile is for the next night.
  const written = await tenant.log.written();
  if (written.seq < sealed.seq) throw new Error(`the log is not sealed: it ends before entry ${sealed.seq}, which was`);
  let end = sealed;
  while (end.seq < written.seq) {
    const { entries } = await tenant.log.read(end.seq, Math.min(chunk, written.seq - end.seq));
    if (entries.length === 0) throw new Error(`the log is not sealed: entry ${end.seq + 1} is missing`);
    for (const entry of entries) {
      const broken = breakAt(end, entry);
      if (broken !== undefined) throw new Error(`the log is not sealed: ${broken}`);
      if (end.seq > 0 && entry.month !== end.month) await seal(tenant, "close", end);
      end = entry;
    }
  }
  if (end.hash !== written.hash) throw new Error(`the log is not sealed: its end is of another entry ${end.seq}`);
  if (end.seq > sealed.seq) await seal(tenant, "head", end);
}

/** The seal to go on from is this vault's, of this tenant, and of the entry that still stands there. */
async function demandGenuine(tenant: TenantScope, latest: Seal): Promise<void> {
  const { kid, month, sequence, tenantId } = latest;
  const key = await publicKey(sealKeyName, kid.split("/")[1]);
  if (tenantId !== tenant.tenantId || !isSealedBy(key, latest))
    throw new Error(`the log is not sealed: the seal of entry ${sequence} is not ours`);
  const entry = await tenant.log.find(month, sequence);
  if (entry?.hash !== latest.hash) throw new Error(`the log is not sealed: entry ${sequence} is not the one that was`);
}

async function seal({ tenantId }: TenantScope, kind: Statement["kind"], { seq, hash, month }: ChainEnd): Promise<void> {
  const statement: Statement = { v: 1, tenantId, kind, month, sequence: seq, hash, at: now().toISOString() };
  const { signature, key } = await sign(sealKeyName, () => signedBytes(statement));
  await keepSeal({ seal: sealOf(statement, signature), key });
}
