import { now } from "../clock.ts";
import { sign } from "../protection/signing.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Statement, sealKeyName, sealOf, signedBytes } from "./seal.ts";
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
  const sealed: ChainEnd =
    latest === undefined ? chainStart : { seq: latest.sequence, hash: latest.hash, month: latest.month };
  let end = sealed;
  for (let more = true; more;) {
    const page = await tenant.log.read(end.seq, chunk);
    for (const entry of page.entries) {
      const broken = breakAt(end, entry);
      if (broken !== undefined) throw new Error(`the log is not sealed: ${broken}`);
      if (end.seq > 0 && entry.month !== end.month) await seal(tenant, "close", end);
      end = entry;
    }
    more = page.more;
  }
  if (end.seq > sealed.seq) await seal(tenant, "head", end);
}

async function seal({ tenantId }: TenantScope, kind: Statement["kind"], { seq, hash, month }: ChainEnd): Promise<void> {
  const statement: Statement = { v: 1, tenantId, kind, month, sequence: seq, hash, at: now().toISOString() };
  const { signature, key } = await sign(sealKeyName, signedBytes(statement));
  await keepSeal({ seal: sealOf(statement, signature), key });
}
