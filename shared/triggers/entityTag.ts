import { createHash } from "node:crypto";
import { Problem } from "../web/problem.ts";

/**
 * ETags have two parts: the stored version, which `If-Match` is compared with, and a hash of the answer's body, because
 * an answer can show more than one item and `If-None-Match` asks about the answer. RFC 9110, 8.8.3.
 */
export function entityTag(stored: string, body: string): string {
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 11);
  return `"${stored.replaceAll('"', "")}.${hash}"`;
}

/** The stored version that an `If-Match` header names, as the database knows it. */
export function storedVersion(header: string): string {
  const version = /^"([\w-]{1,64})\.[\w-]{11}"$/u.exec(header)?.[1];
  if (version !== undefined) return `"${version}"`;
  if (/^(?:W\/)?"[^"]{0,256}"$/u.test(header)) throw new Problem("stale");
  throw new Problem("invalid_precondition", { detail: "If-Match takes one ETag of an earlier answer" });
}

/** Whether an `If-None-Match` header names the tag (weak comparison, RFC 9110, 13.1.2). */
export function matchesNone(header: string, tag: string): boolean {
  return header
    .split(",")
    .map((each) => each.trim().replace(/^W\//u, ""))
    .some((each) => each === tag || each === "*");
}
