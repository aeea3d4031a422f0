import {
  type KeyObject,
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  privateDecrypt,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";

/**
 * RSA as Key Vault offers it. It signs digests, which Node's `sign` cannot (it hashes by itself), so the encodings of
 * RFC 8017 stand here and Node does the arithmetic.
 */

/** A new private key in PKCS#8 PEM. */
export async function newPrivateKey(bits: number): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: bits, publicExponent: 0x10001 });
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

export function publicPart(pem: string): { readonly n: string; readonly e: string } {
  const { n = "", e = "" } = createPublicKey(pem).export({ format: "jwk" });
  return { n, e };
}

const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };

/** RSA-OAEP-256. Throws what Node throws if `plain` is too long. */
export function encrypt(pem: string, plain: Buffer): Buffer {
  return publicEncrypt({ key: createPublicKey(pem), ...oaep }, plain);
}

/** RSA-OAEP-256. Throws what Node throws if `cipher` was not made for this key. */
export function decrypt(pem: string, cipher: Buffer): Buffer {
  return privateDecrypt({ key: createPrivateKey(pem), ...oaep }, cipher);
}

/** RFC 8017 section 9.2, note 1: DigestInfo of SHA-256. */
const digestInfo = Buffer.from("3031300d060960864801650304020105000420", "hex");

export function signRs256(pem: string, digest: Buffer): Buffer {
  const key = createPrivateKey(pem);
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, Buffer.concat([digestInfo, digest]));
}

export function verifyRs256(pem: string, digest: Buffer, signature: Buffer): boolean {
  return recovered(pem, signature, constants.RSA_PKCS1_PADDING, (encoded) =>
    equal(encoded, Buffer.concat([digestInfo, digest])),
  );
}

const hashLength = 32;

/** RSASSA-PSS with SHA-256, MGF1 and a salt as long as the hash (RFC 8017 section 9.1.1). */
export function signPs256(pem: string, digest: Buffer): Buffer {
  const key = createPrivateKey(pem);
  const salt = randomBytes(hashLength);
  const hash = hashOf(digest, salt);
  const maskLength = lengthOf(key) - hashLength - 1;
  const block = Buffer.concat([Buffer.alloc(maskLength - hashLength - 1), Buffer.of(1), salt]);
  const masked = clearTopBit(xor(block, mask(hash, maskLength)));
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, Buffer.concat([masked, hash, Buffer.of(0xbc)]));
}

export function verifyPs256(pem: string, digest: Buffer, signature: Buffer): boolean {
  return recovered(pem, signature, constants.RSA_NO_PADDING, (encoded) => {
    const maskLength = encoded.length - hashLength - 1;
    const [masked, hash] = [encoded.subarray(0, maskLength), encoded.subarray(maskLength, -1)];
    const block = clearTopBit(xor(masked, mask(hash, maskLength)));
    const [padding, salt] = [block.subarray(0, -hashLength), block.subarray(-hashLength)];
    const expected = Buffer.concat([Buffer.alloc(padding.length - 1), Buffer.of(1)]);
    return encoded.at(-1) === 0xbc && equal(padding, expected) && equal(hash, hashOf(digest, salt));
  });
}

/** What the signature holds, if it is one of this key's, handed to `matches`. */
function recovered(pem: string, signature: Buffer, padding: number, matches: (encoded: Buffer) => boolean): boolean {
  try {
    return matches(publicDecrypt({ key: createPublicKey(pem), padding }, signature));
  } catch {
    return false;
  }
}

function hashOf(digest: Buffer, salt: Buffer): Buffer {
  return createHash("sha256").update(Buffer.alloc(8)).update(digest).update(salt).digest();
}

/** MGF1 (RFC 8017 section B.2.1). */
function mask(seed: Buffer, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / hashLength) }, (_, index) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(index);
    return createHash("sha256").update(seed).update(counter).digest();
  });
  return Buffer.concat(blocks).subarray(0, length);
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}

/** The encoded message has one bit less than the modulus, whose length is a multiple of eight. */
function clearTopBit(block: Buffer): Buffer {
  return Buffer.concat([Buffer.of((block[0] ?? 0) & 0x7f), block.subarray(1)]);
}

function equal(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function lengthOf(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
}
