import { now } from "../clock.ts";
import { config } from "../config.ts";
import { lazy } from "../lazy.ts";
import { KeyRing, type RingStore } from "./keyRing.ts";
import { vaultKeyWrap } from "./vault.ts";

let ringStore: RingStore | undefined;

/** Says where the ring is kept. Called once, by shared/composition.ts: protection stands below storage. */
export function provideRingStore(store: RingStore): void {
  ringStore = store;
}

/** The key ring of this process. */
export const keyRing = lazy(() => {
  if (ringStore === undefined) throw new TypeError("compose() has to run before anything is protected.");
  const { role, wrappingKeyBits } = config();
  return new KeyRing({ store: ringStore, wrap: vaultKeyWrap, mayCreate: role !== "api", wrappingKeyBits, now });
});

/** Resolves if this app can protect and unprotect; otherwise rejects with the reason. */
export async function protectionReady(): Promise<void> {
  await keyRing().ready();
}

/** Adds the next ring key before the last one expires; for a timer of the worker app. Nothing happens if none is due. */
export async function rotateKeyRing(at: Date): Promise<void> {
  await keyRing().rotate(at);
}
