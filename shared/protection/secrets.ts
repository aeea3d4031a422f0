import { type RestError, isRestError } from "@azure/keyvault-secrets";
import { now } from "../clock.ts";
import { type OwnSecretName, ownSecretNames } from "./ownSecrets.ts";
import { type Protector, UnprotectError, protector } from "./protector.ts";
import { secretClient } from "./vault.ts";

/** Neither the vault nor the cache has the secret. The message names it and never shows a value. */
export class SecretUnavailable extends Error {
  override readonly name = "SecretUnavailable";
}

interface Cached {
  readonly payload: string;
  readonly version: string;
  readonly fetchedAt: number;
  /** When the vault was last asked in vain; -Infinity if never since it was fetched. */
  readonly failedAt: number;
}

const maxAgeMs = 10 * 60_000;
const retryPauseMs = 30_000;
const refreshTimeoutMs = 2_000;

/**
 * Secrets of the vault, read with the app's own identity. Between uses this process keeps them as ciphertext only;
 * a use gets a Buffer that is zeroed when it ends, so nothing may keep it.
 */
export class Secrets<Name extends string = string> {
  readonly #protector: () => Protector;
  /** By name, or by `name/version`. */
  readonly #cache = new Map<string, Cached>();
  readonly #fetching = new Map<string, Promise<Cached>>();

  constructor(cacheProtector: () => Protector) {
    this.#protector = cacheProtector;
  }

  /**
   * Runs `work` with the secret's UTF-8 bytes: at most 10 minutes old, older only while the vault does not answer. What is
   * made to be presented again names the version it was made with; to check it, give that version, which works until it
   * is disabled. Throws {@link SecretUnavailable}.
   */
  async use<T>(name: Name, work: (bytes: Buffer, version: string) => Promise<T> | T, version?: string): Promise<T> {
    const secret = await this.#open(version === undefined ? name : `${name}/${version}`);
    try {
      return await work(secret.bytes, secret.version);
    } finally {
      secret.bytes.fill(0);
    }
  }

  async #open(path: string): Promise<{ readonly bytes: Buffer; readonly version: string }> {
    const { payload, version } = await this.#current(path);
    try {
      return { bytes: await this.#protector().unprotect(payload), version };
    } catch (error) {
      if (!(error instanceof UnprotectError)) throw error;
      // The ring key was revoked meanwhile.
      this.#cache.delete(path);
      const fresh = await this.#current(path);
      return { bytes: await this.#protector().unprotect(fresh.payload), version: fresh.version };
    }
  }

  async #current(path: string): Promise<Cached> {
    const cached = this.#cache.get(path);
    if (cached === undefined) return this.#fetch(path);
    const time = now().getTime();
    const fresh = time - cached.fetchedAt < maxAgeMs;
    const paused = time - cached.failedAt < retryPauseMs;
    if (fresh || paused) return cached;
    try {
      return await this.#fetch(path, AbortSignal.timeout(refreshTimeoutMs));
    } catch (error) {
      if (error instanceof SecretUnavailable) throw error;
      const failed = { ...cached, failedAt: time };
      this.#cache.set(path, failed);
      return failed;
    }
  }

  /** Those who ask while the vault is being asked share the answer. */
  #fetch(path: string, abortSignal?: AbortSignal): Promise<Cached> {
    const underWay = this.#fetching.get(path);
    if (underWay !== undefined) return underWay;
    const fetching = this.#fetchAndProtect(path, abortSignal).finally(() => this.#fetching.delete(path));
    this.#fetching.set(path, fetching);
    return fetching;
  }

  async #fetchAndProtect(path: string, abortSignal?: AbortSignal): Promise<Cached> {
    const { bytes, version } = await this.#read(path, abortSignal);
    try {
      const payload = await this.#protector().protect(bytes);
      const cached = { payload, version, fetchedAt: now().getTime(), failedAt: Number.NEGATIVE_INFINITY };
      this.#cache.set(path, cached);
      return cached;
    } finally {
      bytes.fill(0);
    }
  }

  async #read(path: string, abortSignal?: AbortSignal): Promise<{ readonly bytes: Buffer; readonly version: string }> {
    // An empty version is the current one.
    const [name = "", version = ""] = path.split("/");
    try {
      const { value, properties } = await secretClient().getSecret(name, {
        version,
        ...(abortSignal !== undefined && { abortSignal }),
      });
      if (value !== undefined) return { bytes: Buffer.from(value), version: properties.version ?? "" };
    } catch (error) {
      // Deleted, disabled or no longer ours: unlike an outage, this ends the use of what is cached.
      const isGone = isRestError(error) && (error.statusCode === 404 || error.statusCode === 403);
      if (!isGone || isCutOff(error)) throw error;
    }
    this.#cache.delete(path);
    throw new SecretUnavailable(`The vault has no secret ${path} for this app.`);
  }
}

/** Whether the vault refused the network that the request came from: that of a private vault found by its public address. */
function isCutOff({ details }: RestError): boolean {
  const { error } = (details ?? {}) as { readonly error?: { readonly innerError?: { readonly code?: unknown } } };
  return error?.innerError?.code === "ForbiddenByConnection" || error?.innerError?.code === "ForbiddenByFirewall";
}

/** The secrets of this process. */
export const secrets = new Secrets<OwnSecretName>(() => protector("platform", "secret-cache"));

/** Resolves if this process can use each secret that it may need. Throws {@link SecretUnavailable} where one is missing. */
export async function ownSecretsReady(): Promise<void> {
  for (const name of ownSecretNames) await secrets.use(name, () => undefined);
}
