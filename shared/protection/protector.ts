import { type KeyObject, createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { KeyRing } from "./keyRing.ts";
import { keyRing } from "./protection.ts";

/**
 * Protects data so that only the same use of the same tenant opens it again. The result is base64url text of about
 * 4/3 (length + 45) characters. `unprotect` throws {@link UnprotectError} for what it did not make, and
 * KeyRingUnavailable where it cannot tell.
 */
export interface Protector {
  readonly protect: (plain: Uint8Array | string) => Promise<string>;
  readonly unprotect: (payload: string) => Promise<Buffer>;
  readonly protectJson: (value: unknown) => Promise<string>;
  /** The value as it was; the caller checks its shape, of this and of the previous version. */
  readonly unprotectJson: (payload: string) => Promise<unknown>;
}

/** The payload was changed, belongs to another tenant or use, or its key is gone; deliberately not said which. */
export class UnprotectError extends Error {
  override readonly name = "UnprotectError";
  constructor() {
    super("The protected payload cannot be opened.");
  }
}

/** `tenantId` is `platform` for what belongs to no tenant. `use` names one purpose, e.g. `guest-session`. */
export function protector(tenantId: string, use: string): Protector {
  return protectorOf(keyRing, tenantId, use);
}

/** {@link protector} on a given ring. */
export function protectorOf(ring: () => KeyRing, tenantId: string, use: string): Protector {
  if (tenantId === "" || use === "") throw new TypeError("A protector needs a tenant and a use.");
  const purpose = Buffer.from(JSON.stringify(["Callpilot", tenantId, use]));

  const protect: Protector["protect"] = async (plain) => {
    const { id, master } = await ring().active();
    const header = Buffer.concat([Buffer.of(version), Buffer.from(id, "hex")]);
    return Buffer.concat([header, seal(purposeKey(master, purpose), header, purpose, plain)]).toString("base64url");
  };
  const unprotect: Protector["unprotect"] = async (payload) => {
    const bytes = Buffer.from(payload, "base64url");
    // Buffer skips what is not base64url, and unused bits of the last character: one payload, one spelling.
    if (bytes.length < minimumLength || bytes[0] !== version || bytes.toString("base64url") !== payload)
      throw new UnprotectError();
    const header = bytes.subarray(0, headerLength);
    const master = await ring().find(header.toString("hex", 1));
    if (master === undefined) throw new UnprotectError();
    return open(purposeKey(master, purpose), header, purpose, bytes.subarray(headerLength));
  };
  return {
    protect,
    unprotect,
    protectJson: (value) => protect(JSON.stringify(value)),
    unprotectJson: async (payload) => {
      const value: unknown = JSON.parse((await unprotect(payload)).toString());
      return value;
    },
  };
}

/** Payload: version (1 byte), id of the ring key (16), nonce (12), ciphertext, tag (16). */
const version = 1;
const headerLength = 17;
const nonceLength = 12;
const tagLength = 16;
const minimumLength = headerLength + nonceLength + tagLength;

/** One AES-256 key per ring key, tenant and use: random nonces suffice for 2^32 payloads of each (SP 800-38D, 8.3). */
function purposeKey(master: KeyObject, purpose: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", master, Buffer.alloc(0), purpose, 32));
}

function seal(key: Buffer, header: Buffer, purpose: Buffer, plain: Uint8Array | string): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength });
  key.fill(0);
  cipher.setAAD(Buffer.concat([header, purpose]));
  const sealed = cipher.update(plain);
  cipher.final();
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]);
}

function open(key: Buffer, header: Buffer, purpose: Buffer, body: Buffer): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, body.subarray(0, nonceLength), { authTagLength: tagLength });
  key.fill(0);
  decipher.setAAD(Buffer.concat([header, purpose]));
  decipher.setAuthTag(body.subarray(-tagLength));
  const plain = decipher.update(body.subarray(nonceLength, -tagLength));
  try {
    decipher.final();
    return plain;
  } catch {
    plain.fill(0);
    throw new UnprotectError();
  }
}
