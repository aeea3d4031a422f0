import { Type } from "@sinclair/typebox";
import { Base64url, Kid, type PublicKey, type Signature, isSignedBy } from "../protection/signature.ts";
import type { SigningKeyName } from "../protection/signing.ts";
import { Choice, Sha256, type Static, Time, closed } from "../schema.ts";
import { TenantId } from "../tenancy/ids.ts";
import { Month } from "./auditView.ts";
import { Sequence } from "./eventView.ts";

/** The key that signs seals, and nothing else. */
export const sealKeyName: SigningKeyName = "log-seal";

const statement = {
  v: Type.Literal(1),
  tenantId: TenantId,
  kind: Choice(["head", "close"], "The end of the log at that time, or the last entry that its month will ever have"),
  month: Month,
  sequence: Sequence,
  hash: Sha256,
  at: Time,
};
/** Says, signed, which entry of a tenant's log ended it. */
export const Seal = closed({ ...statement, kid: Kid, signature: Base64url });
export type Seal = Static<typeof Seal>;
/** What a seal signs. */
export type Statement = Omit<Seal, "kid" | "signature">;

/** The bytes that are signed: a JSON array that no other use of a key begins like. */
export function signedBytes({ v, tenantId, kind, month, sequence, hash, at }: Statement): Buffer {
  return Buffer.from(JSON.stringify(["callpilot-log-seal", v, tenantId, kind, month, sequence, hash, at]));
}

export function sealOf(statement: Statement, { kid, value }: Signature): Seal {
  return { ...statement, kid, signature: value };
}

/** Whether the key made the seal as it stands. */
export function isSealedBy(key: PublicKey, { kid, signature, ...statement }: Seal): boolean {
  return kid.startsWith(`${sealKeyName}/`) && isSignedBy(key, signedBytes(statement), { kid, value: signature });
}
