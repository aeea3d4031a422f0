import { type KeyObject, createSecretKey, randomBytes } from "node:crypto";
import {
  type RingDocument,
  type RingKey,
  activeKey,
  emptyRing,
  newKey,
  nextActivation,
  parseRing,
} from "./ringDocument.ts";
import type { KeyWrap } from "./vault.ts";

/** Where the ring is kept for all instances and slots. */
export interface RingStore {
  read(signal?: AbortSignal): Promise<{ document: unknown; etag: string } | undefined>;
  /** Writes if the stored ring still has that ETag, or if there is none yet. Undefined if somebody else was first. */
  write(document: RingDocument, etag: string | undefined): Promise<string | undefined>;
}

export interface KeyRingOptions {
  readonly store: RingStore;
  readonly wrap: KeyWrap;
  /** Only the worker app creates ring keys; the others wait for its ring. */
  readonly mayCreate: boolean;
  /** Once raised, a ring key wrapped by an RSA key of that size follows within days. */
  readonly wrappingKeyBits?: number;
  readonly now: () => Date;
}

/** Data cannot be protected or unprotected now, whatever the data: no ring, no store, no vault. */
export class KeyRingUnavailable extends Error {
  override readonly name = "KeyRingUnavailable";
}

/** Also how long a revocation takes to reach every instance. */
const maxAgeMs = 10 * 60_000;
/** An unknown key id may be a key just made elsewhere, or made up: read again, but no faster than this. */
const reloadPauseMs = 5_000;
const refreshTimeoutMs = 2_000;
const writeAttempts = 5;

/**
 * The master keys of data protection, after ASP.NET Core's key ring: created, active two days later (the very first at
 * once), expired after 90 days (still unprotects) or revoked (never unprotects again). Unwrapped keys exist only as
 * KeyObjects, outside the JavaScript heap.
 */
export class KeyRing {
  readonly #options: KeyRingOptions;
  readonly #masters = new Map<string, Promise<KeyObject>>();
  #ring = emptyRing;
  #readAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /** The key that protects now. Throws {@link KeyRingUnavailable} if there is none. */
  async active(): Promise<{ id: string; master: KeyObject }> {
    await this.#refresh();
    let key = activeKey(this.#ring, this.#options.now());
    if (key === undefined) {
      await (this.#options.mayCreate ? this.rotate(this.#options.now()) : this.#reload());
      key = activeKey(this.#ring, this.#options.now());
    }
    if (key === undefined) throw new KeyRingUnavailable("The key ring has no active key; the worker app adds it.");
    return { id: key.id, master: await this.#master(key) };
  }

  /** The key that once protected under this id; undefined if it is unknown or revoked. */
  async find(id: string): Promise<KeyObject | undefined> {
    await this.#refresh();
    if (!this.#ring.keys.some((key) => key.id === id)) await this.#reload();
    const key = this.#ring.keys.find((candidate) => candidate.id === id);
    return key === undefined || key.revokedAt !== undefined ? undefined : this.#master(key);
  }

  /** Resolves if this instance can protect and the store answers. */
  async ready(): Promise<void> {
    await this.#reload();
    await this.active();
  }

  /** Adds the next key if one is due. May be repeated and may run in several instances at once. */
  async rotate(at: Date): Promise<void> {
    await this.#change((ring) => this.#withNextKey(ring, at));
  }

  /**
   * Makes everything this key protects unreadable for good, and sees to it that another key protects. Throws RangeError
   * if the ring has no such key.
   */
  async revoke(id: string, at: Date): Promise<void> {
    await this.#change((ring) => {
      if (!ring.keys.some((key) => key.id === id)) throw new RangeError(`The key ring has no key ${id}.`);
      const keys = ring.keys.map((key) =>
        key.id === id && key.revokedAt === undefined ? { ...key, revokedAt: at.toISOString() } : key,
      );
      return this.#withNextKey({ ...ring, keys }, at);
    });
  }

  async #withNextKey(ring: RingDocument, at: Date): Promise<RingDocument> {
    const activatesAt = nextActivation(ring, at, this.#options.wrappingKeyBits);
    if (activatesAt === undefined) return ring;
    const master = randomBytes(32);
    try {
      const material = { id: randomBytes(16).toString("hex"), ...(await this.#options.wrap.wrap(master)) };
      return { ...ring, keys: [...ring.keys, newKey(material, at, activatesAt)] };
    } finally {
      master.fill(0);
    }
  }

  async #change(edit: (ring: RingDocument) => Promise<RingDocument>): Promise<void> {
    if (!this.#options.mayCreate) throw new KeyRingUnavailable("Only the worker app changes the key ring.");
    for (let attempt = 1; attempt <= writeAttempts; attempt++) {
      const stored = await this.#options.store.read();
      const before = stored === undefined ? emptyRing : parseRing(stored.document);
      const after = await edit(before);
      const unchanged = JSON.stringify(after) === JSON.stringify(before);
      if (unchanged || (await this.#options.store.write(after, stored?.etag)) !== undefined) {
        this.#accept(after);
        return;
      }
    }
    throw new KeyRingUnavailable(`The key ring was changed by others ${writeAttempts} times in a row.`);
  }

  /** A ring that was read once goes on working while its store does not answer. */
  async #refresh(): Promise<void> {
    if (this.#readAt === Number.NEGATIVE_INFINITY) return this.#read();
    if (this.#elapsedSince(this.#readAt) < maxAgeMs || this.#elapsedSince(this.#triedAt) < reloadPauseMs) return;
    await this.#read(AbortSignal.timeout(refreshTimeoutMs)).catch(() => undefined);
  }

  /** After a read that failed there is no pause: what is unknown then must not pass for what does not exist. */
  async #reload(): Promise<void> {
    if (this.#elapsedSince(this.#triedAt) >= reloadPauseMs || this.#readAt < this.#triedAt) await this.#read();
  }

  #elapsedSince(time: number): number {
    return this.#options.now().getTime() - time;
  }

  /** Those who ask while a read is under way share it. */
  #read(signal?: AbortSignal): Promise<void> {
    this.#reading ??= this.#readStore(signal).finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readStore(signal?: AbortSignal): Promise<void> {
    this.#triedAt = this.#options.now().getTime();
    const stored = await this.#options.store.read(signal);
    if (stored !== undefined) this.#accept(parseRing(stored.document));
    else if (this.#options.mayCreate) await this.rotate(this.#options.now());
    else throw new KeyRingUnavailable("There is no key ring yet; the worker app creates it.");
  }

  #accept(ring: RingDocument): void {
    this.#ring = ring;
    this.#readAt = this.#options.now().getTime();
    this.#triedAt = this.#readAt;
    for (const key of ring.keys) if (key.revokedAt !== undefined) this.#masters.delete(key.id);
    // Those that will protect are unwrapped ahead, so that they do even if the vault does not answer on their day.
    for (const key of ring.keys) if (this.#willProtect(key)) this.#master(key).catch(() => undefined);
  }

  #willProtect(key: RingKey): boolean {
    return key.revokedAt === undefined && Date.parse(key.expiresAt) > this.#readAt;
  }

  #master(key: RingKey): Promise<KeyObject> {
    const known = this.#masters.get(key.id);
    if (known !== undefined) return known;
    const master = this.#unwrap(key);
    this.#masters.set(key.id, master);
    master.catch(() => this.#masters.delete(key.id));
    return master;
  }

  async #unwrap(key: RingKey): Promise<KeyObject> {
    const bytes = await this.#options.wrap.unwrap(key.wrapped, key.wrappedBy);
    try {
      if (bytes.length !== 32) throw new TypeError(`Ring key ${key.id} is not 256 bits long.`);
      return createSecretKey(bytes);
    } finally {
      bytes.fill(0);
    }
  }
}
