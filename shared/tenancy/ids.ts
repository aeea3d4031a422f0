import { createHash } from "node:crypto";
import { type TString, Type } from "@sinclair/typebox";
import { monotonicFactory } from "ulid";
import { lazy } from "../lazy.ts";

/** The prefix of an id says what it names. Members, reservations, leases and deliveries have derived ids, see below. */
export const prefixes = {
  tenant: "tnt",
  invitation: "inv",
  apiKey: "key",
  template: "tpl",
  templateVersion: "tpv",
  survey: "svy",
  link: "lnk",
  video: "vid",
  comment: "cmt",
  webhook: "whk",
  operation: "op",
  accessGrant: "acg",
  fact: "fct",
} as const;
export type Prefix = (typeof prefixes)[keyof typeof prefixes];

/** Tenant of the operators: the registry of tenants, their operations and receipts. */
export const platformTenantId = "platform";

const ulid = lazy(() => monotonicFactory());

/** A new id, `<prefix>_<ulid>`: 128 bits, in the order of creation within one process. */
export function newId(prefix: Prefix): string {
  return `${prefix}_${ulid()()}`;
}

/** Base 32 without letters that are taken for others (Crockford): ULIDs are written in it. */
export const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const ulidPattern = "[0-7][0-9A-HJKMNP-TV-Z]{25}";

/** Schema of an id with one of the prefixes. */
export function Id(...of: readonly Prefix[]): TString {
  const prefix = of.length === 1 ? of[0] : `(?:${of.join("|")})`;
  return Type.String({ pattern: `^${prefix}_${ulidPattern}$`, maxLength: 31 });
}

const tenantPattern = `^(?:${platformTenantId}|${prefixes.tenant}_${ulidPattern})$`;
const tenantExpression = new RegExp(tenantPattern, "u");

/** Schema of what {@link isTenantId} knows. */
export const TenantId = Type.String({ pattern: tenantPattern, maxLength: 30 });

/** Whether the text can be the id of a tenant (or of the platform). Says nothing about its existence. */
export function isTenantId(text: string): boolean {
  return tenantExpression.test(text);
}

/** A derived id, `<prefix>_<first 160 bits of SHA-256, hex>`: the same parts give the same id. */
export function derivedId(prefix: string, ...parts: readonly string[]): string {
  return `${prefix}_${createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 40)}`;
}

/** Schema of a derived id with the prefix. */
export function DerivedId(prefix: string): TString {
  return Type.String({ pattern: `^${prefix}_[0-9a-f]{40}$`, maxLength: prefix.length + 41 });
}
