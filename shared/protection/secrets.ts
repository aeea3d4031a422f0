import { isRestError } from "@azure/keyvault-secrets";
import { now } from "../clock.ts";
import { type Protector, UnprotectError, protector } from "./protector.ts";
import { secretClient } from "./vault.ts";

/** Neither the vault nor the cache has the secret. The message names it and never shows a value. */
export class SecretUnavailable extends Error {
  override readonly name = "SecretUnavailable";
}

interface Cached {
  readonly payload: string;
  readonly fetchedAt: number;
  /** When the vault was last asked in vain. */
  readonly failedAt?: number;
}

const maxAgeMs = 10 * 60_000;
const retryPauseMs = 30_000;
const refreshTimeoutMs = 2_000;

/**
 * Secrets of the vault, read with the app's own identity. Between uses this process keeps them as ciphertext only;
 * a use gets a Buffer that is zeroed when it ends, so nothing may keep it.
 */
export class Secrets {
  readonly #protector: () => Protector;
  readonly #cache = new Map<string, Cached>();
  readonly #fetching = new Map<string, Promise<Cached>>();

  constructor(cacheProtector: () => Protector) {
    this.#protector = cacheProtector;
  }

  /**
   * Runs `work` with the secret's UTF-8 bytes: at most 10 minutes old, older only while the vault does not answer.
   * Throws {@link SecretUnavailable}.
   */
  async use<T>(name: string, work: (bytes: Buffer) => Promise<T> | T): Promise<T> {
    const bytes = await this.#open(name);
    try {
      return await work(bytes);
    } finally {
      bytes.fill(0);
    }
  }

  async #open(name: string): Promise<Buffer> {
    const cached = await this.#current(name);
    try {
      return await this.#protector().unprotect(cached.payload);
    } catch (error) {
      if (!(error instanceof UnprotectError)) throw error;
      // The ring key was revoked meanwhile.
      this.#cache.delete(name);
      return this.#protector().unprotect((await this.#current(name)).payload);
    }
  }

  async #current(name: string): Promise<Cached> {
    const cached = this.#cache.get(name);
    if (cached === undefined) return this.#fetch(name);
    const time = now().getTime();
    const fresh = time - cached.fetchedAt < maxAgeMs;
    const paused = cached.failedAt !== undefined && time - cached.failedAt < retryPauseMs;
    if (fresh || paused) return cached;
    try {
      return await this.#fetch(name, AbortSignal.timeout(refreshTimeoutMs));
    } catch (error) {
      if (error instanceof SecretUnavailable) throw error;
      const failed = { ...cached, failedAt: time };
      this.#cache.set(name, failed);
      return failed;
    }
  }

  /** Those who ask while the vault is being asked share the answer. */
  #fetch(name: string, abortSignal?: AbortSignal): Promise<Cached> {
    const underWay = this.#fetching.get(name);
    if (underWay !== undefined) return underWay;
    const fetching = this.#fetchAndProtect(name, abortSignal).finally(() => this.#fetching.delete(name));
    this.#fetching.set(name, fetching);
    return fetching;
  }

  async #fetchAndProtect(name: string, abortSignal?: AbortSignal): Promise<Cached> {
    const bytes = await this.#read(name, abortSignal);
    try {
      const cached = { payload: await this.#protector().protect(bytes), fetchedAt: now().getTime() };
      this.#cache.set(name, cached);
      return cached;
    } finally {
      bytes.fill(0);
    }
  }

  async #read(name: string, abortSignal?: AbortSignal): Promise<Buffer> {
    try {
      const { value } = await secretClient().getSecret(name, abortSignal === undefined ? {} : { abortSignal });
      if (value !== undefined) return Buffer.from(value, "utf8");
    } catch (error) {
      // Deleted, disabled or no longer ours: unlike an outage, this ends the use of what is cached.
      if (!isRestError(error) || (error.statusCode !== 403 && error.statusCode !== 404)) throw error;
    }
    this.#cache.delete(name);
    throw new SecretUnavailable(`The vault has no secret ${name} for this app.`);
  }
}

/** The secrets of this process. */
export const secrets = new Secrets(() => protector("platform", "secret-cache"));
