import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const Time = Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$" });

const RingKey = Type.Object({
  /** 16 random bytes, hexadecimal: the payload names its key with them. */
  id: Type.String({ pattern: "^[0-9a-f]{32}$" }),
  createdAt: Time,
  activatesAt: Time,
  /** From here on the key protects nothing new; it still unprotects. */
  expiresAt: Time,
  /** From here on the key does not unprotect either. */
  revokedAt: Type.Optional(Time),
  /** The 256-bit master key, wrapped with RSA-OAEP-256, base64. */
  wrapped: Type.String({ pattern: "^[A-Za-z0-9+/]+={0,2}$", maxLength: 1024 }),
  /** Version of the vault key that wrapped it. */
  wrappedBy: Type.String({ pattern: "^[0-9a-f]{32}$" }),
});

const RingDocument = Type.Object({ schemaVersion: Type.Literal(1), keys: Type.Array(RingKey) });

export type RingKey = Static<typeof RingKey>;
export type RingDocument = Static<typeof RingDocument>;

/** What there is before the first key. */
export const emptyRing: RingDocument = { schemaVersion: 1, keys: [] };

const day = 86_400_000;
const lifetime = 90 * day;
/** Long enough for every instance to have read a new key before it protects anything. */
const propagation = 2 * day;
/** Clocks of instances differ: a key that one of them activated at once is active for those behind it, too. */
const clockSkew = 5 * 60_000;
/** The next key is added this long before the last one expires, so that the timer may fail for days. */
const renewBefore = 7 * day;

/** Throws if `value` is not a ring. */
export function parseRing(value: unknown): RingDocument {
  if (Value.Check(RingDocument, value)) return value;
  throw new TypeError("The key ring's document is malformed.");
}

/** The key that protects at that moment: the one activated last of those neither expired nor revoked. */
export function activeKey(ring: RingDocument, at: Date): RingKey | undefined {
  return living(ring, at)
    .filter((key) => Date.parse(key.activatesAt) <= at.getTime() + clockSkew)
    .toSorted((one, other) => Date.parse(one.activatesAt) - Date.parse(other.activatesAt))
    .at(-1);
}

/**
 * When the key that is due to be added becomes active; undefined while none is due. At once where nothing protects;
 * otherwise two days later, or when its predecessor expires if that is sooner, so that there is never a gap. One is due in
 * the last week of the last one, and where none is wrapped by an RSA key of at least that many bits.
 */
export function nextActivation(ring: RingDocument, at: Date, wrappingKeyBits = 0): Date | undefined {
  if (activeKey(ring, at) === undefined) return at;
  const keys = living(ring, at);
  const lastExpiry = Math.max(...keys.map((key) => Date.parse(key.expiresAt)));
  const isStrong = keys.some(({ wrapped }) => Buffer.byteLength(wrapped, "base64") * 8 >= wrappingKeyBits);
  if (isStrong && lastExpiry - at.getTime() > renewBefore) return undefined;
  return new Date(Math.min(at.getTime() + propagation, lastExpiry));
}

export function newKey(
  material: Pick<RingKey, "id" | "wrapped" | "wrappedBy">,
  createdAt: Date,
  activatesAt: Date,
): RingKey {
  return {
    ...material,
    createdAt: createdAt.toISOString(),
    activatesAt: activatesAt.toISOString(),
    expiresAt: new Date(createdAt.getTime() + lifetime).toISOString(),
  };
}

function living(ring: RingDocument, at: Date): RingKey[] {
  return ring.keys.filter((key) => key.revokedAt === undefined && Date.parse(key.expiresAt) > at.getTime());
}
