import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  SignJWT,
  UnsecuredJWT,
  calculateJwkThumbprint,
  decodeJwt,
  exportJWK,
  generateKeyPair,
  importPKCS8,
} from "jose";
import { callerFor, requestOn } from "../contracts/cases.ts";
import { callers, tokenOf } from "../contracts/side.ts";
import { type Operation, type Request } from "../support/contracts.ts";
import { isRefusal } from "./holders.ts";
import type { Section } from "./ledger.ts";
import { type Run, inParallel, violate } from "./run.ts";
import { altered, mixtures } from "./tampering.ts";

const control = "a forged credential is taken: shared/auth/accessToken.ts, shared/auth/guestSession.ts";

/** A credential that looks like one, and what is wrong with it. */
interface Forgery {
  readonly flaw: string;
  readonly token: string;
}

/** Shows every forgery to every function that asks for a credential: each must be none. */
export async function forgeries(run: Run, section: Section, onProgress: (share: number) => void): Promise<void> {
  const forged = [...(await accessTokens(run)), ...(await ownCredentials(run))];
  const closed = run.operations.filter(({ contract }) => contract.permission !== "public");
  const prepared = new Map<Operation, Request>();
  await inParallel(closed, async (operation) => {
    prepared.set(operation, await requestOn(run.own, operation));
  });
  const attempts = closed.flatMap((operation) => forged.map((forgery) => ({ operation, forgery })));
  let done = 0;
  await inParallel(attempts, async ({ operation, forgery: { flaw, token } }) => {
    const attempt = { operation: operation.name, caller: "forger", credential: flaw, target: "own" };
    const seen = await run.ask(attempt, operation.contract, { ...prepared.get(operation), token });
    section.countDistinct("kinds of forgery", flaw);
    if (isRefusal(seen.answer, "unauthenticated")) section.count("forged credentials refused (401)");
    else violate(section, seen, "401 unauthenticated", control);
    onProgress(++done / attempts.length);
  });
  for (const operation of closed) {
    const attempt = {
      operation: operation.name,
      caller: callerFor(operation),
      credential: "own tenant's",
      target: "own",
    };
    const seen = await run.ask(attempt, operation.contract, prepared.get(operation) ?? {}, run.own);
    if (seen.answer.status === operation.contract.success.status) section.count("genuine ones taken (twins)");
    else violate(section, seen, String(operation.contract.success.status), control);
  }
}

/** Access tokens: altered ones, of strangers' keys, and what the issuer itself would never sign for this. */
async function accessTokens({ own, foreign, stack }: Run): Promise<readonly Forgery[]> {
  const genuine = own.people.owner.token;
  const [header = "", payload = "", signature = ""] = genuine.split(".");
  const claims = decodeJwt(genuine);
  const issuerKey = await issuersKey(stack.dataDir);
  const strange = await generateKeyPair("RS256", { extractable: true });
  const strangeJwk = await exportJWK(strange.publicKey);
  const { kid } = issuerKey;
  const now = Math.floor(Date.now() / 1000);
  const extension = "urn:example:must";
  const signed = (more: object, head: object = {}, key: PrivateKey | Uint8Array = issuerKey.key, alg = "RS256") =>
    new SignJWT({ ...claims, ...more })
      .setProtectedHeader({ alg, typ: "at+jwt", kid, ...head })
      .sign(key, { crit: { [extension]: true } });
  const { kty = "RSA", n = "", e = "" } = strangeJwk;
  const jwk = { kty, n, e };
  const address = "https://keys.example.com/jwks";
  const pem = Buffer.from(issuerKey.publicPem);
  const forged: readonly (readonly [string, string | Promise<string>])[] = [
    ["signature cut off", `${header}.${payload}.`],
    ["signature altered", `${header}.${payload}.${altered(signature)}`],
    ["signature of another token", `${header}.${payload}.${foreign.people.owner.token.split(".")[2] ?? ""}`],
    ["tenant exchanged in the claims", `${header}.${json({ ...claims, tenant_id: foreign.id })}.${signature}`],
    ["operator's role put in", `${header}.${json({ ...claims, roles: ["platform_operator"] })}.${signature}`],
    ["lifetime prolonged", `${header}.${json({ ...claims, exp: now + 86_400 })}.${signature}`],
    ["no algorithm", new UnsecuredJWT({ ...claims }).encode()],
    ["no algorithm, signature kept", `${json({ alg: "none", typ: "at+jwt", kid })}.${payload}.${signature}`],
    ["HMAC with the issuer's public key", signed({}, {}, pem, "HS256")],
    ["signed by a stranger", signed({}, {}, strange.privateKey)],
    [
      "signed by a stranger who names the own key",
      signed({}, { kid: await calculateJwkThumbprint(jwk) }, strange.privateKey),
    ],
    ["signed by a stranger who brings the own key", signed({}, { jwk }, strange.privateKey)],
    ["signed by a stranger who tells where the key is", signed({}, { jku: address, x5u: address }, strange.privateKey)],
    ["another signature algorithm", signed({}, {}, issuerKey.pss, "PS256")],
    ["wrong audience", signed({ aud: "another-api" })],
    ["no audience", signed({ aud: undefined })],
    ["wrong issuer", signed({ iss: "https://issuer.example.com" })],
    ["expired", signed({ iat: now - 7_200, nbf: now - 7_200, exp: now - 60 })],
    ["without an end", signed({ exp: undefined })],
    ["not valid yet", signed({ nbf: now + 600 })],
    ["without a subject", signed({ sub: undefined })],
    ["an ID token", signed({}, { typ: "JWT" })],
    ["a logout token", signed({}, { typ: "logout+jwt" })],
    ["an unknown critical extension", signed({}, { crit: [extension], [extension]: true })],
  ];
  return await Promise.all(forged.map(async ([flaw, token]) => ({ flaw, token: await token })));
}

type PrivateKey = Awaited<ReturnType<typeof importPKCS8>>;

interface IssuersKey {
  readonly key: PrivateKey;
  /** The same for PS256. */
  readonly pss: PrivateKey;
  readonly kid: string;
  readonly publicPem: string;
}

/** The local issuer's own key: what it would sign wrongly must be refused, too. */
async function issuersKey(dataDir: string): Promise<IssuersKey> {
  const { key: pem } = JSON.parse(await readFile(join(dataDir, "issuer", "issuer.json"), "utf8")) as { key: string };
  const [key, pss] = await Promise.all(
    ["RS256", "PS256"].map((algorithm) => importPKCS8(pem, algorithm, { extractable: true })),
  );
  if (key === undefined || pss === undefined) throw new TypeError("the issuer has no key");
  const { kty = "RSA", n = "", e = "" } = await exportJWK(key);
  const publicPem = createPublicKey(pem).export({ type: "spki", format: "pem" }).toString();
  return { key, pss, kid: await calculateJwkThumbprint({ kty, n, e }), publicPem };
}

/** Credentials that Callpilot itself makes, i.e. those that are no access tokens: altered, and mixed with another's. */
async function ownCredentials({ own, foreign, random }: Run): Promise<readonly Forgery[]> {
  const both = await Promise.all(
    callers.map(async (caller) => [caller, await tokenOf(own, caller), await tokenOf(foreign, caller)] as const),
  );
  return both.flatMap(([caller, mine, theirs]) =>
    mine === undefined || theirs === undefined || mine.startsWith("eyJ")
      ? []
      : mixtures(mine, theirs, random).map(({ flaw, text }) => ({ flaw: `${caller}'s ${flaw}`, token: text })),
  );
}

function json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
