import type { UserDelegationKey } from "@azure/storage-blob";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { now } from "../clock.ts";
import { lazy } from "../lazy.ts";
import { UnprotectError, protector } from "../protection/protector.ts";
import { blobAccount } from "./accounts.ts";
import { storageRequest } from "./errors.ts";

/** Azure allows 7 days. */
const lifetimeMs = 24 * 3_600_000;
/** Longer than any grant lasts, as a grant ends with the key that signed it. */
const renewBeforeMs = 2 * 3_600_000;
const renewalPauseMs = 60_000;
/** For clocks that differ from the storage service's. */
const skewMs = 10 * 60_000;

interface HeldKey {
  /** The key as JSON, protected: it signs for every container of the account. */
  readonly payload: string;
  readonly renewAt: number;
  readonly usableUntil: number;
}

const held = new Map<string, HeldKey>();
const obtaining = new Map<string, Promise<HeldKey>>();
const keyProtector = lazy(() => protector("platform", "user-delegation-key"));

/** The user delegation key of an account, opened for one signature; between signatures it is held as ciphertext. */
export async function delegationKey(account: string): Promise<UserDelegationKey> {
  try {
    return await opened(await current(account));
  } catch (error) {
    if (!(error instanceof UnprotectError)) throw error;
    // The ring key that protected it was revoked meanwhile.
    return opened(await obtain(account));
  }
}

async function current(account: string): Promise<HeldKey> {
  const key = held.get(account);
  if (key !== undefined && now().getTime() < key.renewAt) return key;
  try {
    return await obtain(account);
  } catch (error) {
    const time = now().getTime();
    if (key === undefined || time >= key.usableUntil) throw error;
    held.set(account, { ...key, renewAt: time + renewalPauseMs });
    return key;
  }
}

/** Those who ask while a key is being obtained share it. */
function obtain(account: string): Promise<HeldKey> {
  const underWay = obtaining.get(account) ?? request(account).finally(() => obtaining.delete(account));
  obtaining.set(account, underWay);
  return underWay;
}

async function request(account: string): Promise<HeldKey> {
  const time = now().getTime();
  const key = await storageRequest((abortSignal) =>
    blobAccount(account).getUserDelegationKey(new Date(time - skewMs), new Date(time + lifetimeMs), { abortSignal }),
  );
  const payload = await keyProtector().protectJson({
    signedObjectId: key.signedObjectId,
    signedTenantId: key.signedTenantId,
    signedStartsOn: key.signedStartsOn.toISOString(),
    signedExpiresOn: key.signedExpiresOn.toISOString(),
    signedService: key.signedService,
    signedVersion: key.signedVersion,
    value: key.value,
  });
  const renewAt = key.signedExpiresOn.getTime() - renewBeforeMs;
  const fresh = { payload, renewAt, usableUntil: renewAt + renewBeforeMs / 2 };
  held.set(account, fresh);
  return fresh;
}

const StoredKey = Type.Object({
  signedObjectId: Type.String(),
  signedTenantId: Type.String(),
  signedStartsOn: Type.String(),
  signedExpiresOn: Type.String(),
  signedService: Type.String(),
  signedVersion: Type.String(),
  value: Type.String(),
});

async function opened({ payload }: HeldKey): Promise<UserDelegationKey> {
  const key = Value.Decode(StoredKey, await keyProtector().unprotectJson(payload));
  return { ...key, signedStartsOn: new Date(key.signedStartsOn), signedExpiresOn: new Date(key.signedExpiresOn) };
}
