import { createHash } from "node:crypto";
import { describe, expect, it, test } from "vitest";
import { credentialParts, isSecret, newSecret, parseToken, secretHash, tokenText } from "./oneTimeToken.ts";

const secret = "0123456789abcdefghijklmnopqrstuvwxyz-_ABCDE";
const token = { tenantId: "tnt_1", id: "lnk_1", secret };

test("a secret is 256 bits, another one each time, and safe in a URL", () => {
  const secrets = Array.from({ length: 50 }, newSecret);
  for (const text of secrets) {
    expect(text).toMatch(/^[\w-]{43}$/u);
    expect(Buffer.from(text, "base64url")).toHaveLength(32);
  }
  expect(new Set(secrets).size).toBe(50);
});

describe("a token's text", () => {
  it("gives the parts that it was made of", () => {
    expect(tokenText(token)).toBe(`tnt_1.lnk_1.${secret}`);
    expect(parseToken(tokenText(token))).toEqual(token);
  });

  it("may have an id of 64 word characters, and no more", () => {
    const id = "a".repeat(64);
    expect(parseToken(tokenText({ ...token, id }))).toEqual({ ...token, id });
    expect(parseToken(tokenText({ ...token, id: `${id}a` }))).toBeUndefined();
  });

  it.each([
    "",
    "tnt_1",
    "tnt_1.lnk_1",
    `tnt_1.lnk_1.${secret}.`,
    `tnt_1.lnk_1.${secret}.more`,
    `tnt_1..${secret}`,
    `tnt_1.lnk-1.${secret}`,
    `tnt_1. lnk_1.${secret}`,
    `tnt_1.lnk_1 .${secret}`,
    `tnt_1.lnk_1.${secret}x`,
    `tnt_1.lnk_1.x${secret}`,
    `tnt_1.lnk_1.${secret.slice(1)}`,
    `tnt_1.lnk_1.${secret.slice(1)}+`,
  ])("is none: %j", (text) => {
    expect(parseToken(text)).toBeUndefined();
  });
});

test("the parts of a credential are copies with the same letters", () => {
  expect(credentialParts("a.bc.")).toEqual(["a", "bc", ""]);
  expect(credentialParts("ü.x")).toEqual(["ü", "x"]);
  expect(credentialParts("")).toEqual([""]);
});

describe("a secret's hash", () => {
  it("is SHA-256 in hex", () => {
    expect(secretHash(secret)).toBe(createHash("sha256").update(secret).digest("hex"));
  });

  it("proves its own secret only, and nothing where there is none", () => {
    expect(isSecret(secret, secretHash(secret))).toBe(true);
    expect(isSecret(`${secret}x`, secretHash(secret))).toBe(false);
    expect(isSecret(secretHash(secret), secretHash(secret))).toBe(false);
    expect(isSecret(secret)).toBe(false);
    expect(isSecret("")).toBe(false);
  });
});
