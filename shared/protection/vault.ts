import { CryptographyClient, KeyClient, type KeyVaultKey } from "@azure/keyvault-keys";
import { SecretClient, type SecretClientOptions } from "@azure/keyvault-secrets";
import { config } from "../config.ts";
import { identity } from "../identity.ts";
import { lazy } from "../lazy.ts";

/** Wraps the ring's master keys. Never used for anything else. */
export const wrappingKeyName = "key-ring";

/** Wraps and unwraps 256-bit master keys; the wrapping key never leaves where it lives. */
export interface KeyWrap {
  wrap(master: Uint8Array): Promise<{ wrapped: string; wrappedBy: string }>;
  /** The caller zeroes what it gets. */
  unwrap(wrapped: string, wrappedBy: string): Promise<Uint8Array>;
}

/** The vault's wrapping key is smaller than the setting WRAPPING_KEY_BITS asks for; nothing is wrapped with it. */
export class WrappingKeyTooSmall extends Error {
  override readonly name = "WrappingKeyTooSmall";
}

const algorithm = "RSA-OAEP-256";

/** RSA-OAEP-256 by the vault's key {@link wrappingKeyName}; both operations happen inside the vault. */
export const vaultKeyWrap: KeyWrap = {
  wrap: async (master) => wrapBy(await wrappingKey(), master),
  unwrap: (wrapped, wrappedBy) => unwrapBy(wrappingKeyName, wrapped, wrappedBy),
};

/** The vault's key of that name, for who may read it: see {@link KeyWrap}. Nothing is asked of its size. */
export function keyWrapBy(name: string): KeyWrap {
  return {
    wrap: async (master) => wrapBy(await keyClient().getKey(name), master),
    unwrap: (wrapped, wrappedBy) => unwrapBy(name, wrapped, wrappedBy),
  };
}

async function wrapBy(key: KeyVaultKey, master: Uint8Array): Promise<{ wrapped: string; wrappedBy: string }> {
  const { version } = key.properties;
  if (version === undefined) throw new TypeError("The vault named no version of its key.");
  const { result } = await new CryptographyClient(key, identity(), vaultOptions()).wrapKey(algorithm, master);
  return { wrapped: Buffer.from(result).toString("base64"), wrappedBy: version };
}

async function unwrapBy(name: string, wrapped: string, wrappedBy: string): Promise<Uint8Array> {
  const { result } = await cryptography(name, wrappedBy).unwrapKey(algorithm, Buffer.from(wrapped, "base64"));
  return result;
}

/** Resolves if the vault's wrapping key may be used. Only who wraps may read it: the others have nothing to check. */
export async function wrappingKeyReady(): Promise<void> {
  if (config().role !== "api") await wrappingKey();
}

/** The key that wraps now. Throws {@link WrappingKeyTooSmall}. */
async function wrappingKey(): Promise<KeyVaultKey> {
  const key = await keyClient().getKey(wrappingKeyName);
  const bits = bitsOf(key.key?.n ?? Buffer.alloc(0));
  const { wrappingKeyBits } = config();
  if (bits < wrappingKeyBits)
    throw new WrappingKeyTooSmall(
      `The vault's key ${wrappingKeyName} has ${bits} bits; WRAPPING_KEY_BITS asks for ${wrappingKeyBits}.`,
    );
  return key;
}

/** Length of an RSA modulus, whatever zeros it begins with. */
function bitsOf(modulus: Uint8Array): number {
  return BigInt(`0x0${Buffer.from(modulus).toString("hex")}`).toString(2).length;
}

export const secretClient = lazy(() => new SecretClient(config().vault.url, identity(), vaultOptions()));

export const keyClient = lazy(() => new KeyClient(config().vault.url, identity(), vaultOptions()));

/**
 * Given a key's whole description, the client neither asks the vault for it (no permission to read keys is needed) nor
 * refuses a version that has expired, which Key Vault goes on unwrapping with.
 */
function cryptography(name: string, version: string): CryptographyClient {
  const vaultUrl = config().vault.url;
  const id = new URL(`keys/${name}/${version}`, vaultUrl).href;
  const properties = { id, name, vaultUrl, version };
  return new CryptographyClient({ id, name, properties }, identity(), vaultOptions());
}

/** The vault gave no answer in time. */
export class VaultUnavailable extends Error {
  override readonly name = "VaultUnavailable";
}

/** With its retries. The SDK itself waits for an answer without end. */
const requestTimeoutMs = 30_000;

type VaultOptions = Pick<
  SecretClientOptions,
  "retryOptions" | "additionalPolicies" | "disableChallengeResourceVerification"
>;

/** A new object each time: the clients write into it. */
export function vaultOptions(): VaultOptions {
  return {
    retryOptions: { maxRetries: 3, retryDelayInMs: 200, maxRetryDelayInMs: 2000 },
    // Only the local vault's challenge may name another domain than the vault's own: it names Azure's.
    disableChallengeResourceVerification: new URL(config().vault.url).hostname === "localhost",
    additionalPolicies: [
      {
        position: "perCall",
        policy: {
          name: "callpilotTimeLimit",
          sendRequest: async (request, next) => {
            const timeout = AbortSignal.timeout(requestTimeoutMs);
            const { abortSignal } = request;
            request.abortSignal =
              abortSignal instanceof AbortSignal ? AbortSignal.any([timeout, abortSignal]) : timeout;
            try {
              return await next(request);
            } catch (error) {
              if (timeout.aborted) throw new VaultUnavailable("The vault gave no answer in time.", { cause: error });
              throw error;
            }
          },
        },
      },
    ],
  };
}
