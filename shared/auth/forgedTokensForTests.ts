import { type KeyObject, createHmac, createPublicKey, generateKeyPairSync } from "node:crypto";
import { CompactEncrypt, type JWTPayload, SignJWT, UnsecuredJWT, exportJWK } from "jose";

/** The issuer that is believed, as somebody who had its key would sign. */
export interface Signer {
  readonly url: string;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly audience: string;
  readonly sign: (header?: object, claims?: JWTPayload) => Promise<string>;
}

export type Forgery = readonly [name: string, token: () => Promise<string> | string];

/**
 * Access tokens that must not be believed: unsigned, signed by others or in another way, or signed by the issuer itself and
 * not an access token for us, now. `right` are the claims of a token that is believed, `canaryUrl` an address that nobody may ask.
 */
export function forgedTokens(issuer: Signer, right: JWTPayload, canaryUrl: string): readonly Forgery[] {
  const { kid, audience } = issuer;
  const strange = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const curve = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const edwards = generateKeyPairSync("ed25519");
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = (changes: JWTPayload = {}): JWTPayload => ({ ...right, ...changes });
  const without = (name: string): JWTPayload =>
    Object.fromEntries(Object.entries(claims()).filter(([each]) => each !== name));
  const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset;
  const signedBy = (key: KeyObject, header: object) =>
    new SignJWT(claims()).setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid, ...header }).sign(key);
  const publicKey = () => createPublicKey(issuer.privateKey);
  const encrypted = () =>
    new CompactEncrypt(Buffer.from(JSON.stringify(claims())))
      .setProtectedHeader({ alg: "RSA-OAEP-256", enc: "A256GCM", typ: "at+jwt", kid })
      .encrypt(publicKey());

  /** A token under HMAC, with the issuer's public key for its secret. */
  const hmac = (secret: string | Buffer, alg: "HS256" | "HS512" = "HS256") => {
    const text = `${part({ alg, typ: "at+jwt", kid })}.${part(claims())}`;
    return `${text}.${createHmac(alg === "HS256" ? "sha256" : "sha512", secret)
      .update(text)
      .digest("base64url")}`;
  };

  return [
    ["no token", () => ""],
    ["no JWT", () => "x".repeat(100)],
    ["alg none", () => new UnsecuredJWT(claims()).encode()],
    ["alg None, as it is written elsewhere", () => `${part({ alg: "nOnE", typ: "at+jwt" })}.${part(claims())}.`],
    ["no alg", () => `${part({ typ: "at+jwt", kid })}.${part(claims())}.AAAA`],
    ["HS256 with the public key in PEM", () => hmac(publicKey().export({ type: "spki", format: "pem" }))],
    ["HS256 with the public key in DER", () => hmac(publicKey().export({ type: "spki", format: "der" }))],
    ["HS512 with the public key as JWK", () => hmac(JSON.stringify(publicKey().export({ format: "jwk" })), "HS512")],
    ["HS256 with an empty secret", () => hmac("")],
    ["another key under the issuer's kid", () => signedBy(strange.privateKey, {})],
    ["another key without a kid", () => signedBy(strange.privateKey, { kid: undefined })],
    ["a kid that is a path", () => signedBy(strange.privateKey, { kid: "../../../../dev/null" })],
    ["a kid that is SQL", () => signedBy(strange.privateKey, { kid: "x' UNION SELECT 'AAAA" })],
    ["a kid that is an address", () => signedBy(strange.privateKey, { kid: canaryUrl })],
    ["a kid of a prototype", () => signedBy(strange.privateKey, { kid: "__proto__" })],
    ["jku to keys of its own", () => signedBy(strange.privateKey, { kid: "canary", jku: canaryUrl })],
    ["x5u to a certificate of its own", () => signedBy(strange.privateKey, { kid: "canary", x5u: canaryUrl })],
    [
      "a key of its own in the header",
      async () => signedBy(strange.privateKey, { kid: undefined, jwk: await exportJWK(strange.publicKey) }),
    ],
    ["a certificate of its own in the header", () => signedBy(strange.privateKey, { kid: "canary", x5c: ["AAAA"] })],
    ["another audience", () => issuer.sign({}, claims({ aud: "another-api" }))],
    ["an audience that begins alike", () => issuer.sign({}, claims({ aud: `${audience}.example.com` }))],
    ["no audience", () => issuer.sign({}, without("aud"))],
    ["another issuer", () => issuer.sign({}, claims({ iss: "https://login.example.com" }))],
    ["the issuer with a slash", () => issuer.sign({}, claims({ iss: `${issuer.url}/` }))],
    ["no issuer", () => issuer.sign({}, without("iss"))],
    ["expired", () => issuer.sign({}, claims({ exp: seconds(-31) }))],
    ["no expiry", () => issuer.sign({}, without("exp"))],
    ["an expiry that is text", () => issuer.sign({}, claims({ exp: "never" as unknown as number }))],
    ["issued in the future", () => issuer.sign({}, claims({ iat: seconds(60) }))],
    ["not valid yet", () => issuer.sign({}, claims({ nbf: seconds(60) }))],
    ["no subject", () => issuer.sign({}, without("sub"))],
    ["no time of issue", () => issuer.sign({}, without("iat"))],
    ["an ID token", () => issuer.sign({ typ: "JWT" }, claims({ nonce: "n", at_hash: "h" }))],
    ["typ JWT with scopes that are none", () => issuer.sign({ typ: "JWT" }, claims({ scp: 1, scope: ["access"] }))],
    ["a typ that says application elsewhere", () => issuer.sign({ typ: "at+application/jwt" })],
    ["no typ", () => issuer.sign({ typ: undefined })],
    ["typ of a logout token", () => issuer.sign({ typ: "logout+jwt" })],
    ["typ of a logout token with scopes", () => issuer.sign({ typ: "logout+jwt" }, claims({ scp: "access" }))],
    ["typ of a DPoP proof", () => issuer.sign({ typ: "dpop+jwt" })],
    [
      "crit with what nobody knows",
      () => `${part({ alg: "RS256", typ: "at+jwt", kid, crit: ["x"], x: 1 })}.${part(claims())}.AAAA`,
    ],
    [
      "an unencoded payload",
      () => `${part({ alg: "RS256", typ: "at+jwt", kid, crit: ["b64"], b64: false })}.${part(claims())}.AAAA`,
    ],
    ["another hash with the issuer's key", () => issuer.sign({ alg: "RS512" })],
    ["another padding with the issuer's key", () => signedBy(issuer.privateKey, { alg: "PS256" })],
    ["ES256, with a key of its own", () => signedBy(curve.privateKey, { alg: "ES256" })],
    [
      "ES256, with the key's parameters in the header",
      async () => signedBy(curve.privateKey, { alg: "ES256", jwk: await exportJWK(curve.publicKey) }),
    ],
    ["EdDSA, with a key of its own", () => signedBy(edwards.privateKey, { alg: "EdDSA" })],
    ["encrypted to the issuer's key, not signed", () => encrypted()],
    ["a signature cut off", async () => `${(await issuer.sign()).split(".").slice(0, 2).join(".")}.`],
    ["a signature with a bit changed", async () => (await issuer.sign()).replace(/.{5}$/u, "AAAAA")],
    [
      "a changed payload",
      async () => {
        const [header = "", , signature = ""] = (await issuer.sign()).split(".");
        return `${header}.${part(claims({ sub: "somebody-else" }))}.${signature}`;
      },
    ],
    [
      "a changed header",
      async () => {
        const [, payload = "", signature = ""] = (await issuer.sign()).split(".");
        return `${part({ alg: "RS256", typ: "at+jwt", kid, x: 1 })}.${payload}.${signature}`;
      },
    ],
    [
      "a token within a token",
      async () => {
        const inner = Buffer.from(await issuer.sign()).toString("base64url");
        return `${part({ alg: "RS256", typ: "at+jwt", cty: "JWT", kid })}.${inner}.AAAA`;
      },
    ],
    ["two tokens", async () => `${await issuer.sign()}.${await issuer.sign()}`],
    ["five parts", async () => `${await issuer.sign()}.AAAA.AAAA`],
    ["longer than any", () => signedBy(strange.privateKey, { x: "x".repeat(9_000) })],
  ];
}
