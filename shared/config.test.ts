import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "./config.ts";

const right = {
  CALLPILOT_ENVIRONMENT: "production",
  CALLPILOT_ROLE: "api",
  API_PUBLIC_URL: "https://api.example.com/",
  GUEST_LINK_URL: "https://app.example.com/s",
  CORS_ORIGINS: "https://app.example.com, https://example.com:8443",
  COSMOS__accountEndpoint: "https://db.example.com",
  COSMOS_DATABASE: "callpilot",
  DATA_ACCOUNT: "account1",
  DATA__blobServiceUri: "https://account1.blob.example.com/",
  DATA__queueServiceUri: "https://account1.queue.example.com",
  VAULT_URL: "https://vault.example.com",
  OIDC_ISSUER: "https://login.example.com/tenant/v2.0",
  OIDC_AUDIENCE: "api",
  OIDC_TENANT_CLAIM: "tenant_id",
  MAIL_ENDPOINT: "https://mail.example.com",
  MAIL_SENDER: "surveys@example.com",
  MALWARE_GATE: "defender",
};
const optional = ["CORS_ORIGINS"];
const local = { ...right, CALLPILOT_ENVIRONMENT: "local", CALLPILOT_ROLE: "all" };

/** The message of the refusal of these settings. */
function refusal(env: NodeJS.ProcessEnv): string {
  try {
    parseConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error("the settings were taken");
}

it("reads the settings, with defaults for what may be left out", () => {
  expect(parseConfig(right)).toMatchObject({
    environment: "production",
    api: { publicUrl: "https://api.example.com", corsOrigins: ["https://app.example.com", "https://example.com:8443"] },
    data: { blobUrl: "https://account1.blob.example.com", blobPublicUrl: "https://account1.blob.example.com" },
    webhooks: { allowedOrigins: [] },
    rateLimits: { caller: 600, guest: 200, tenant: 6_000 },
    wrappingKeyBits: 2048,
    malwareGate: { kind: "defender" },
    ffmpeg: {},
  });
});

it("takes clamd at a socket or at a host's port, for files as large as clamd takes by itself or as is said", () => {
  const clamd = { ...right, MALWARE_GATE: "clamd" };
  expect(parseConfig({ ...clamd, CLAMD_ADDRESS: "/run/clamav/clamd.ctl" }).malwareGate).toEqual({
    kind: "clamd",
    address: { path: "/run/clamav/clamd.ctl" },
    maxBytes: 104_857_600,
  });
  const other = { ...clamd, CLAMD_ADDRESS: "clamd.internal:3310", CLAMD_MAX_BYTES: "2000000000" };
  expect(parseConfig(other).malwareGate).toEqual({
    kind: "clamd",
    address: { host: "clamd.internal", port: 3310 },
    maxBytes: 2_000_000_000,
  });
  expect(refusal(clamd)).toContain("CLAMD_ADDRESS is missing");
});

it("lets the malware gate be unsaid on a developer's machine only", () => {
  const unsaid = { ...local, MALWARE_GATE: undefined };
  expect(parseConfig(unsaid).malwareGate).toEqual({ kind: "off" });
});

describe("a setting that is missing", () => {
  it.each(Object.keys(right).filter((name) => !optional.includes(name)))("is named: %s", (name) => {
    expect(refusal({ ...right, [name]: undefined })).toContain(`${name} is missing`);
    expect(refusal({ ...right, [name]: "" })).toContain(`${name} is missing`);
  });

  it("is named together with all others", () => {
    const message = refusal({});
    for (const name of Object.keys(right).filter((each) => !optional.includes(each)))
      expect(message).toContain(`${name} is missing`);
  });
});

describe("a setting that is wrong", () => {
  const wrong: [name: string, value: string][] = [
    ["CALLPILOT_ENVIRONMENT", "Secret-Production"],
    ["CALLPILOT_ROLE", "secret-role"],
    ["API_PUBLIC_URL", "secret.example.com"],
    ["API_PUBLIC_URL", "javascript:secret"],
    ["COSMOS__accountEndpoint", "http://secret.example.com"],
    ["COSMOS__accountEndpoint", "https://secret.example.com/?key=secret"],
    ["VAULT_URL", `https://${["user", "secret"].join(":")}@vault.example.com`],
    ["VAULT_URL", "https://"],
    ["OIDC_ISSUER", "http://secret.example.com"],
    ["MAIL_ENDPOINT", "https://secret.example.com/#x"],
    ["MAIL_ENDPOINT", "https://secret.example.com/ x"],
    ["OIDC_AUDIENCE", "secret".repeat(30)],
    ["RATE_LIMIT_PER_MINUTE", "0"],
    ["RATE_LIMIT_PER_MINUTE", "secret"],
    ["RATE_LIMIT_PER_MINUTE", "-1"],
    ["GUEST_RATE_LIMIT_PER_MINUTE", "0"],
    ["TENANT_RATE_LIMIT_PER_MINUTE", "1e3"],
    ["MALWARE_GATE", "secret"],
    ["CLAMD_ADDRESS", "secret"],
    ["CLAMD_ADDRESS", "secret:99999999"],
    ["CLAMD_MAX_BYTES", "0"],
    ["CLAMD_MAX_BYTES", "1e9; secret"],
    ["WRAPPING_KEY_BITS", "1024"],
    ["WRAPPING_KEY_BITS", "4096; secret"],
  ];
  it.each(wrong)("is named and not shown: %s %s", (name, value) => {
    const message = refusal({ ...right, [name]: value });
    expect(message).toContain(name);
    expect(message.toLowerCase()).not.toContain("secret");
  });
});

describe("a key in any variable at all", () => {
  const planted: [name: string, value: string][] = [
    ["AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=x"],
    ["COSMOS", "AccountEndpoint=https://db.example.com;accountkey=c2VjcmV0"],
    ["EVENTS", "Endpoint=sb://x/;SharedAccessKeyName=y;SharedAccessKey=c2VjcmV0"],
    ["BLOBS", "BlobEndpoint=https://x/;SharedAccessSignature=c2VjcmV0"],
    ["MAIL", "endpoint=https://mail.example.com/;accesskey=c2VjcmV0"],
    ["WEBSITE_RUN_FROM_PACKAGE", "https://a.blob.example.com/p.zip?sv=2026-02-06&sig=c2VjcmV0"],
    ["SIGNING", ["-----BEGIN RSA", "PRIVATE KEY-----\nc2VjcmV0"].join(" ")],
  ];
  it.each(planted)("stops the app, named and not shown: %s", (name, value) => {
    for (const env of [right, local]) {
      const message = refusal({ ...env, [name]: value });
      expect(message).toContain(`${name}: holds a key`);
      expect(message).not.toContain("c2VjcmV0");
    }
  });

  it.each([...Object.keys(right), "WEBHOOK_ALLOWED_ORIGINS", "FFMPEG_PATH"])("is taken by no setting: %s", (name) => {
    for (const [, value] of planted) expect(refusal({ ...local, [name]: value })).toContain(`${name}: holds a key`);
  });

  it("is none in Application Insights' connection string", () => {
    const env = {
      ...right,
      APPLICATIONINSIGHTS_CONNECTION_STRING: "InstrumentationKey=x;IngestionEndpoint=https://x/",
    };
    expect(() => parseConfig(env)).not.toThrow();
  });
});

describe("what is for the developer's own machine", () => {
  const only: Record<string, string>[] = [
    { API_PUBLIC_URL: "http://localhost:7071" },
    { GUEST_LINK_URL: "http://localhost:7071/s" },
    { DATA_BLOB_PUBLIC_URL: "http://localhost:10000/a" },
    { WEBHOOK_ALLOWED_ORIGINS: "http://127.0.0.1:1" },
    { CALLPILOT_ROLE: "all" },
    { CORS_ORIGINS: "http://localhost:3000" },
  ];
  it.each(only)("is refused everywhere else: %j", (settings) => {
    expect(() => parseConfig({ ...local, ...settings })).not.toThrow();
    for (const environment of ["sandbox", "staging", "production"]) {
      const message = refusal({ ...right, CALLPILOT_ENVIRONMENT: environment, ...settings });
      expect(message).toContain(Object.keys(settings)[0]);
      expect(message).not.toContain("localhost");
    }
  });

  it.each(["*", "https://example.com/", "https://example.com/path", "null"])(
    "an origin is exactly one: %s",
    (origin) => {
      expect(refusal({ ...right, CORS_ORIGINS: origin })).toContain("CORS_ORIGINS");
    },
  );
});
