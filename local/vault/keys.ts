import { type Static, Type } from "@sinclair/typebox";
import { ChangedAttributes, addVersion, findVersion, now, shownAttributes } from "./objects.ts";
import { decrypt, encrypt, newPrivateKey, publicPart, signPs256, signRs256, verifyPs256, verifyRs256 } from "./rsa.ts";
import { VaultError, badParameter } from "./vaultError.ts";
import { type KeyVersion, Tags, type VaultState } from "./vaultState.ts";

export const CreateKey = Type.Object({
  kty: Type.String(),
  key_size: Type.Optional(Type.Number()),
  key_ops: Type.Optional(Type.Array(Type.String())),
  attributes: Type.Optional(ChangedAttributes),
  tags: Type.Optional(Tags),
});

/** Body of a key operation; binary values in base64url. */
export const Operation = Type.Object({
  alg: Type.String(),
  value: Type.String(),
  digest: Type.Optional(Type.String()),
});

const allOperations = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"];

export async function createKey(
  state: VaultState,
  name: string,
  { kty, key_size: size = 2048, key_ops: operations = allOperations, attributes, tags }: Static<typeof CreateKey>,
): Promise<KeyVersion> {
  if (kty !== "RSA") throw badParameter(`The local vault makes RSA keys only, not ${kty}.`);
  if (size !== 2048 && size !== 3072)
    throw badParameter(`The local vault makes keys of 2048 or 3072 bits, not ${size}.`);
  const pem = await newPrivateKey(size);
  return addVersion(state.keys, "key", name, attributes, { size, operations, pem, ...(tags && { tags }) });
}

/** A new version with the size, operations and tags of the current one. */
export async function rotateKey(state: VaultState, name: string): Promise<KeyVersion> {
  const { size, operations, tags } = findVersion(state.keys, "key", name, undefined);
  const pem = await newPrivateKey(size);
  return addVersion(state.keys, "key", name, undefined, { size, operations, pem, ...(tags && { tags }) });
}

/** A key as it is read: the public part alone. */
export function readKey(url: string, name: string, key: KeyVersion): object {
  const kid = `${url}/keys/${name}/${key.version}`;
  const jwk = { kid, kty: "RSA", key_ops: key.operations, ...publicPart(key.pem) };
  return { key: jwk, attributes: shownAttributes(key), tags: key.tags };
}

/** A key as it is listed. */
export function keyProperties(kid: string, key: KeyVersion): object {
  return { kid, attributes: shownAttributes(key), tags: key.tags };
}

/** Runs one operation, named as in the path (`wrapkey`), on `key`. Throws 403 if the key does not allow it now. */
export function operate(kid: string, key: KeyVersion, name: string, body: Static<typeof Operation>): object {
  const operation = allOperations.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  if (operation === undefined) throw badParameter(`There is no key operation ${name}.`);
  refuseUnusable(key, operation);
  if (operation === "verify") return { value: verified(key.pem, body) };
  const value = Buffer.from(body.value, "base64url");
  return { kid, value: computed(key.pem, operation, body.alg, value).toString("base64url") };
}

function refuseUnusable({ attributes: { enabled, nbf, exp }, operations }: KeyVersion, operation: string): void {
  const refuse = (state: string, code: string) => {
    throw new VaultError(403, "Forbidden", `Operation ${operation} is not allowed on ${state} key.`, code);
  };
  if (!enabled) refuse("a disabled", "KeyDisabled");
  if (!operations.includes(operation)) refuse("this", "KeyOperationForbidden");
  // What was protected or signed before stays readable after a key's end.
  if (["decrypt", "unwrapKey", "verify"].includes(operation)) return;
  if (nbf !== undefined && nbf > now()) refuse("a not yet valid", "KeyNotYetValid");
  if (exp !== undefined && exp <= now()) refuse("an expired", "KeyExpired");
}

function computed(pem: string, operation: string, algorithm: string, value: Buffer): Buffer {
  if (operation === "sign") return signatureOf(pem, algorithm, digestOf(value));
  if (algorithm !== "RSA-OAEP-256") throw unsupported(operation, algorithm);
  try {
    return operation === "encrypt" || operation === "wrapKey" ? encrypt(pem, value) : decrypt(pem, value);
  } catch {
    throw badParameter(`Operation ${operation} failed: the value does not fit this key.`);
  }
}

function signatureOf(pem: string, algorithm: string, digest: Buffer): Buffer {
  if (algorithm === "RS256") return signRs256(pem, digest);
  if (algorithm === "PS256") return signPs256(pem, digest);
  throw unsupported("sign", algorithm);
}

function verified(pem: string, { alg, digest = "", value }: Static<typeof Operation>): boolean {
  const [hash, signature] = [digestOf(Buffer.from(digest, "base64url")), Buffer.from(value, "base64url")];
  if (alg === "RS256") return verifyRs256(pem, hash, signature);
  if (alg === "PS256") return verifyPs256(pem, hash, signature);
  throw unsupported("verify", alg);
}

function digestOf(value: Buffer): Buffer {
  if (value.length !== 32) throw badParameter(`A SHA-256 digest has 32 bytes, not ${value.length}.`);
  return value;
}

function unsupported(operation: string, algorithm: string): VaultError {
  return badParameter(`The local vault does not ${operation} with ${algorithm}.`);
}
