import { newSecret, secretHash } from "../protection/oneTimeToken.ts";
import { againOnConflict } from "../tenancy/againOnConflict.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Remembered, TenantScope } from "../tenancy/scope.ts";
import { counters } from "../tenants/tenant.ts";
import { futureUtc } from "../utc.ts";
import { type FieldError, Problem } from "../web/problem.ts";
import { type ApiKey, type Scope, apiKeyKind, maxKeys, statusOf } from "./apiKey.ts";
import { credentialText } from "./credential.ts";
import { type KeyDraft, type NewKeyView, keyView } from "./keyView.ts";
import { listKeys } from "./listKeys.ts";

const maxDays = 365;

/** Whoever makes a key, with the scopes that they hold themselves, and the key that they are, if they are one. */
export interface KeyMaker {
  readonly id: string;
  readonly scopes: readonly Scope[];
  readonly key?: Entity<ApiKey>;
}

/**
 * Makes a key with a secret of 256 bits. Throws `scope_escalation` where it would do more or live longer than its maker,
 * and `quota_exceeded` where the tenant has all its keys and each of them works.
 */
export async function createKey(tenant: TenantScope, maker: KeyMaker, draft: KeyDraft): Promise<NewKeyView> {
  demandHeld(maker, draft.scopes);
  const expiresAt = expiryOf(maker, draft.expiresAt);
  const id = newId(prefixes.apiKey);
  const secret = newSecret();
  const key: ApiKey = {
    name: draft.name,
    scopes: draft.scopes,
    expiresAt,
    createdBy: maker.id,
    status: "active",
    secretHash: secretHash(secret),
  };
  const credential = credentialText({ tenantId: tenant.tenantId, id, secret });
  const shownOnce = await tenant.protector("once-shown").protect(credential);
  // Another key may be made or end at the same time.
  const committed = await againOnConflict(async () =>
    (await roomFor(tenant, maker))
      .create(apiKeyKind, id, key)
      .remember({ id, credential: shownOnce })
      .commit({ target: id }),
  );
  const { at } = committed;
  return { ...keyView({ ...key, id, createdAt: at, updatedAt: at, etag: committed.etag(id) }), credential };
}

/** The key of a repeated request, with the credential that its first answer showed. Throws `expired` where it is gone. */
export async function createdKey(tenant: TenantScope, { id = "", credential = "" }: Remembered): Promise<NewKeyView> {
  const key = await tenant.repository.find(apiKeyKind, id);
  if (key === undefined) throw new Problem("expired");
  return {
    ...keyView(key),
    credential: (await tenant.protector("once-shown").unprotect(credential)).toString(),
  };
}

/**
 * A change that a key fits into: the counter has room for it, or a key that has ended leaves. It happens only while the
 * maker's own key is not revoked, and {@link revokeKey} sees by the maker's version what was made meanwhile.
 */
async function roomFor(tenant: TenantScope, { key }: KeyMaker) {
  const keys = await listKeys(tenant);
  const ended = keys.length < maxKeys ? undefined : keys.find((each) => statusOf(each) !== "active");
  const change = tenant.change();
  // Keys leave in exchange only, so the counter is there from the first one on.
  if (keys.length === 0) change.startCounter(counters.keys, 1);
  else if (ended === undefined) change.count(counters.keys, 1, { atMost: maxKeys, beyond: "quota_exceeded" });
  else change.remove(ended, { stale: "conflict", missing: "conflict" });
  if (key !== undefined) {
    const otherwise = { stale: "unauthenticated", missing: "unauthenticated" } as const;
    change.patch(apiKeyKind, key, {}, { condition: { status: "active" }, otherwise });
  }
  return change;
}

function demandHeld(maker: KeyMaker, wanted: readonly Scope[]): void {
  const errors = wanted.flatMap((scope, at): FieldError[] =>
    maker.scopes.includes(scope)
      ? []
      : [{ pointer: `/scopes/${at}`, code: "not_held", message: "is more than you may do yourself" }],
  );
  if (errors.length > 0) throw new Problem("scope_escalation", { errors });
}

function expiryOf({ key }: KeyMaker, given: string): string {
  const pointer = "/expiresAt";
  const expiresAt = futureUtc(given, pointer, { ms: maxDays * 86_400_000, words: `${maxDays} days` });
  if (key !== undefined && expiresAt > key.expiresAt)
    throw new Problem("scope_escalation", {
      errors: [{ pointer, code: "too_late", message: "must not be after the end of the key that makes it" }],
    });
  return expiresAt;
}
