import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { secretsIn } from "./scan.ts";

/** Made while the test runs: a file with a credential in it would be found by the scan of the tree. */
const accountKey = () => randomBytes(64).toString("base64");
const letters = (count: number) => randomBytes(count).toString("hex").slice(0, count);
const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString("base64url");

const planted: [kind: string, text: string][] = [
  ["a storage key", accountKey()],
  ["a storage key in JSON", JSON.stringify({ key: accountKey() })],
  ["a storage connection string", `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${accountKey()};`],
  ["a Cosmos DB connection string", `AccountEndpoint=https://a.example.com/;AccountKey=${accountKey()}`],
  ["a Service Bus connection string", `SharedAccessKeyName=all;SharedAccessKey=${randomBytes(32).toString("base64")}`],
  ["a database's password", `Server=tcp:a.example.com;User=a;Password=${letters(20)}`],
  [
    "a signed address",
    `https://a.example.com/c/b?sv=2024-11-04&sp=r&sig=${encodeURIComponent(randomBytes(32).toString("base64"))}`,
  ],
  ["a client secret", `${letters(3)}8Q~${letters(34)}`],
  [
    "a private key",
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  ],
  ["an RSA key", ["-----BEGIN RSA", "PRIVATE KEY-----"].join(" ")],
  ["a token", `Bearer ${part({ alg: "RS256", typ: "JWT" })}.${part({ sub: "someone", iss: "issuer" })}.${letters(43)}`],
  ["a webhook's secret", `whsec_${randomBytes(32).toString("base64")}`],
  ["a service key", `cpk_${letters(60)}`],
  ["another vendor's token", `ghp_${letters(36)}`],
];

describe("the secret scan", () => {
  test.each(planted)("finds %s", async (_, text) => {
    const found = await secretsIn("notes.md", `first line\n${text}\n`);
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]?.line).toBe(2);
    expect(JSON.stringify(found)).not.toContain(text.slice(-24));
  });

  test.each([
    ["the hash of a package", `"integrity": "sha512-${accountKey()}"`],
    [
      "Application Insights' address",
      `InstrumentationKey=${crypto.randomUUID()};IngestionEndpoint=https://a.example.com/`,
    ],
    ["a SHA-256 hash", randomBytes(32).toString("hex")],
    ["a word about them", "whsec_ and cpk_ begin credentials; AccountKey= is refused; ?sig= signs"],
  ])("leaves %s alone", async (_, text) => {
    expect(await secretsIn("notes.md", text)).toEqual([]);
  });
});
