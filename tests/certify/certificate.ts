import { createHash } from "node:crypto";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { type PublicKey, type Signature, isSignedBy } from "../../shared/protection/signature.ts";
import type { Section, Violation } from "./ledger.ts";

/** What one section says. */
export interface SectionStatement {
  readonly name: string;
  readonly title: string;
  readonly promise: string;
  readonly how: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly minimums: Readonly<Record<string, number>>;
  readonly missed: readonly string[];
  readonly violations: readonly Violation[];
}

/** What is certified: all that is signed. */
export interface Statement {
  readonly format: "callpilot-isolation-certificate/1";
  readonly version: string;
  /** Of the sources, where they are known; with `+` where they were changed since. */
  readonly commit?: string;
  /** RFC 3339, UTC. */
  readonly issuedAt: string;
  readonly seconds: number;
  readonly seed: string;
  readonly stack: Readonly<Record<string, string | number>>;
  /** `whole` with every section, `part` with some. */
  readonly scope: "whole" | "part";
  readonly result: "isolated" | "violated" | "not enough was tried";
  readonly sections: readonly SectionStatement[];
}

export interface Certificate {
  readonly statement: Statement;
  /** Verifies the signature: RSASSA-PSS with SHA-256, of the statement's canonical JSON in UTF-8. */
  readonly key: PublicKey;
  readonly signature: Signature;
}

export function sectionStatement({ promised, counts, missed, violations }: Section): SectionStatement {
  const { name, title, promise, how, minimums } = promised;
  return { name, title, promise, how, counts, minimums, missed, violations };
}

export function resultOf(sections: readonly Pick<SectionStatement, "missed" | "violations">[]): Statement["result"] {
  if (sections.some(({ violations }) => violations.length > 0)) return "violated";
  return sections.some(({ missed }) => missed.length > 0) ? "not enough was tried" : "isolated";
}

/** The bytes that are signed: JSON without spaces, with the members of every object in the order of their names. */
export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonical(value), "utf8");
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

/** SHA-256 of the key's members in canonical JSON, base64url (RFC 7638): to compare with what the issuer tells. */
export function thumbprint({ kty, n, e }: PublicKey): string {
  return createHash("sha256").update(canonicalBytes({ kty, n, e })).digest("base64url");
}

const text = Type.String();
/** What is understood of a certificate before anybody is believed. */
const Understood = Type.Object({
  statement: Type.Object({
    format: Type.Literal("callpilot-isolation-certificate/1"),
    issuedAt: text,
    sections: Type.Array(Type.Object({ missed: Type.Array(text), violations: Type.Array(Type.Object({})) })),
  }),
  key: Type.Unknown(),
  signature: Type.Unknown(),
});
/** What a signature is checked with. */
const Verifiable = Type.Object({
  key: Type.Object({ kty: Type.Literal("RSA"), kid: text, n: text, e: text }),
  signature: Type.Object({ kid: text, value: text }),
});

/** The certificate in a text whose signature is that of the key in it, or what is wrong with it. */
export function verified(text: string): Certificate | { readonly fault: string } {
  const certificate = parsed(text);
  if (certificate === undefined) return { fault: "this is no isolation certificate that is understood here" };
  const { statement, key, signature } = certificate;
  if (!Value.Check(Verifiable, certificate)) return { fault: "its public key or its signature is broken" };
  if (!isSignedBy(key, canonicalBytes(statement), signature))
    return { fault: "the signature does not fit: it was changed after it was signed" };
  if (resultOf(statement.sections) !== statement.result)
    return { fault: "it contradicts itself: its result is not what its sections say" };
  return certificate;
}

function parsed(text: string): Certificate | undefined {
  try {
    const certificate = JSON.parse(text) as Certificate;
    return Value.Check(Understood, certificate) ? certificate : undefined;
  } catch {
    return undefined;
  }
}
