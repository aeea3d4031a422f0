import { type Static, type TObject, Type } from "@sinclair/typebox";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { lazy } from "./lazy.ts";

// No query and no user: that is where keys and signatures would be.
const Url = Type.String({ format: "uri", pattern: "^https?://[^?#@\\s]+$", maxLength: 512 });
const HttpsUrl = Type.String({ format: "uri", pattern: "^https://[^?#@\\s]+$", maxLength: 512 });
const Name = Type.String({ minLength: 1, maxLength: 128 });
const optional = <T extends ReturnType<typeof Type.String>>(schema: T) => Type.Optional(schema);
const PerMinute = optional(Type.String({ pattern: "^[1-9][0-9]{0,6}$" }));

/**
 * The application settings, by the names they have in the Function App. Names with a double underscore are shared with
 * the Functions host, whose identity-based trigger connections read the same ones.
 */
const Settings = Type.Object({
  CALLPILOT_ENVIRONMENT: Type.Unsafe<"local" | "sandbox" | "staging" | "production">(
    Type.String({ enum: ["local", "sandbox", "staging", "production"] }),
  ),
  /** Which half of the package this app runs: HTTP functions, or triggers and ffmpeg; `all` only in `local`. */
  CALLPILOT_ROLE: Type.Unsafe<"api" | "worker" | "all">(Type.String({ enum: ["api", "worker", "all"] })),
  /** Commit that this app was built from: evidence names it. */
  CALLPILOT_COMMIT: optional(Type.String({ pattern: "^[0-9a-f]{7,40}$" })),
  /** Origin of the API as clients see it. */
  API_PUBLIC_URL: Url,
  /** Page that a guest link opens; the link's token is appended as its fragment. */
  GUEST_LINK_URL: Url,
  /** Origins, separated by commas, whose pages may call the API from a browser. */
  CORS_ORIGINS: optional(Type.String({ maxLength: 2048 })),
  COSMOS__accountEndpoint: HttpsUrl,
  COSMOS_DATABASE: Name,
  /** Name that a tenant's document keeps for the storage account of its videos. */
  DATA_ACCOUNT: Name,
  DATA__blobServiceUri: HttpsUrl,
  DATA__queueServiceUri: HttpsUrl,
  /** Blob endpoint that grants point at, where devices reach it under another address than this app does. */
  DATA_BLOB_PUBLIC_URL: optional(Url),
  VAULT_URL: HttpsUrl,
  /** Size of the RSA key that wraps the key ring: 2048 by default; 3072 where ASVS 5.0 level 2 is asked for. */
  WRAPPING_KEY_BITS: optional(Type.String({ pattern: "^(?:2048|3072)$" })),
  OIDC_ISSUER: HttpsUrl,
  OIDC_AUDIENCE: Name,
  /** Claim that names the tenant a person is signed in to. */
  OIDC_TENANT_CLAIM: Name,
  MAIL_ENDPOINT: HttpsUrl,
  MAIL_SENDER: Name,
  /** Exact origins, separated by commas, that webhooks may reach although they are not public https; `local` only. */
  WEBHOOK_ALLOWED_ORIGINS: optional(Type.String({ maxLength: 2048 })),
  /** Requests that one caller may make in a minute, on each instance; 600 by default. */
  RATE_LIMIT_PER_MINUTE: PerMinute,
  /** Those of one guest; a third of a caller's by default. */
  GUEST_RATE_LIMIT_PER_MINUTE: PerMinute,
  /** Those of all callers of one tenant together, guests included; ten times a caller's by default. */
  TENANT_RATE_LIMIT_PER_MINUTE: PerMinute,
  /**
   * What looks for malware in a recording before ffmpeg opens it: ClamAV's daemon, Microsoft Defender for Storage, or
   * nothing, which has to be said outside of `local`.
   */
  MALWARE_GATE: Type.Optional(
    Type.Unsafe<"off" | "clamd" | "defender">(Type.String({ enum: ["off", "clamd", "defender"] })),
  ),
  /** Where clamd listens: `host:port`, or the path of its socket. Nothing encrypts it: a network of its own, or a socket. */
  CLAMD_ADDRESS: optional(Type.String({ pattern: "^(?:/[^\\s]+|[\\w.-]+:[0-9]{1,5})$", maxLength: 256 })),
  /**
   * Bytes of the largest file that clamd looks through, 100 MiB by default as there; what is larger is not accepted. Its own
   * StreamMaxLength, MaxFileSize and MaxScanSize have to be no less, and AlertExceedsMax on: without that, clamd calls
   * clean what it did not look at (clamd.conf(5)).
   */
  CLAMD_MAX_BYTES: optional(Type.String({ pattern: "^[1-9][0-9]{0,10}$" })),
  FFMPEG_PATH: optional(Type.String({ maxLength: 1024 })),
  FFPROBE_PATH: optional(Type.String({ maxLength: 1024 })),
});

/** Names of all settings that {@link parseConfig} reads. */
export const settingNames: readonly string[] = Object.keys(Settings.properties);

/**
 * How the blob trigger learns of new manifests: Event Grid, or polling in networks that Event Grid cannot reach. Read
 * apart from the rest because registrations are made at import, before anything may fail.
 */
export function ingestSource(): "EventGrid" | "LogsAndContainerScan" {
  return process.env["INGEST_SOURCE"] === "LogsAndContainerScan" ? "LogsAndContainerScan" : "EventGrid";
}

export type Environment = Static<typeof Settings>["CALLPILOT_ENVIRONMENT"];

/** What a recording has to pass before anything else than its container is looked at. */
export type MalwareGate =
  | { readonly kind: "off" }
  | { readonly kind: "defender" }
  | { readonly kind: "clamd"; readonly address: ClamdAddress; readonly maxBytes: number };

export type ClamdAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface Config {
  readonly environment: Environment;
  readonly role: "api" | "worker" | "all";
  readonly commit?: string;
  readonly api: { readonly publicUrl: string; readonly guestLinkUrl: string; readonly corsOrigins: readonly string[] };
  readonly cosmos: { readonly endpoint: string; readonly database: string };
  readonly data: {
    readonly account: string;
    readonly blobUrl: string;
    readonly blobPublicUrl: string;
    readonly queueUrl: string;
  };
  readonly vault: { readonly url: string };
  readonly wrappingKeyBits: number;
  readonly oidc: { readonly issuer: string; readonly audience: string; readonly tenantClaim: string };
  readonly mail: { readonly endpoint: string; readonly sender: string };
  readonly webhooks: { readonly allowedOrigins: readonly string[] };
  /** Requests per minute, counted by each instance for itself. */
  readonly rateLimits: { readonly caller: number; readonly guest: number; readonly tenant: number };
  readonly malwareGate: MalwareGate;
  readonly ffmpeg: { readonly ffmpegPath?: string; readonly ffprobePath?: string };
}

/** A setting is missing or wrong. The message names every one of them and never shows a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The settings of this process, parsed once. Throws {@link ConfigError} on first use if any is wrong. */
export const config = lazy(() => parseConfig(process.env));

export function parseConfig(env: NodeJS.ProcessEnv): Config {
  const planted = Object.entries(env).filter(([, value]) => value !== undefined && secretBearing.test(value));
  if (planted.length > 0)
    throw new ConfigError(
      `${planted.map(([name]) => name).join(", ")}: holds a key or connection string; use the managed identity instead`,
    );
  const settings = pick(Settings, env);
  const problems = [...problemsOf(settings), ...rulesBroken(settings)];
  if (problems.length > 0) throw new ConfigError(problems.join("; "));
  return {
    environment: settings.CALLPILOT_ENVIRONMENT,
    role: settings.CALLPILOT_ROLE,
    ...(settings.CALLPILOT_COMMIT !== undefined && { commit: settings.CALLPILOT_COMMIT }),
    api: {
      publicUrl: withoutSlash(settings.API_PUBLIC_URL),
      guestLinkUrl: settings.GUEST_LINK_URL,
      corsOrigins: list(settings.CORS_ORIGINS),
    },
    cosmos: { endpoint: settings.COSMOS__accountEndpoint, database: settings.COSMOS_DATABASE },
    data: {
      account: settings.DATA_ACCOUNT,
      blobUrl: withoutSlash(settings.DATA__blobServiceUri),
      blobPublicUrl: withoutSlash(settings.DATA_BLOB_PUBLIC_URL ?? settings.DATA__blobServiceUri),
      queueUrl: withoutSlash(settings.DATA__queueServiceUri),
    },
    vault: { url: settings.VAULT_URL },
    wrappingKeyBits: Number(settings.WRAPPING_KEY_BITS ?? "2048"),
    oidc: {
      issuer: settings.OIDC_ISSUER,
      audience: settings.OIDC_AUDIENCE,
      tenantClaim: settings.OIDC_TENANT_CLAIM,
    },
    mail: { endpoint: settings.MAIL_ENDPOINT, sender: settings.MAIL_SENDER },
    webhooks: { allowedOrigins: list(settings.WEBHOOK_ALLOWED_ORIGINS) },
    rateLimits: rateLimitsOf(settings),
    malwareGate: malwareGateOf(settings),
    ffmpeg: {
      ...(settings.FFMPEG_PATH !== undefined && { ffmpegPath: settings.FFMPEG_PATH }),
      ...(settings.FFPROBE_PATH !== undefined && { ffprobePath: settings.FFPROBE_PATH }),
    },
  };
}

function rateLimitsOf(settings: Static<typeof Settings>): Config["rateLimits"] {
  const caller = Number(settings.RATE_LIMIT_PER_MINUTE ?? "600");
  return {
    caller,
    guest: Number(settings.GUEST_RATE_LIMIT_PER_MINUTE ?? Math.ceil(caller / 3)),
    tenant: Number(settings.TENANT_RATE_LIMIT_PER_MINUTE ?? caller * 10),
  };
}

function malwareGateOf({
  MALWARE_GATE: kind = "off",
  CLAMD_ADDRESS = "",
  CLAMD_MAX_BYTES,
}: Static<typeof Settings>): MalwareGate {
  if (kind !== "clamd") return { kind };
  const [host = "", port = ""] = CLAMD_ADDRESS.split(":");
  const address = CLAMD_ADDRESS.startsWith("/") ? { path: CLAMD_ADDRESS } : { host, port: Number(port) };
  return { kind, address, maxBytes: Number(CLAMD_MAX_BYTES ?? 100 * 1024 ** 2) };
}

const secretBearing = /(?:AccountKey|AccessKey|SharedAccessSignature)=|[?&]sig=|-----BEGIN [A-Z ]*PRIVATE KEY-----/iu;

function pick<T extends TObject>(schema: T, env: NodeJS.ProcessEnv): Static<T> {
  const entries = Object.keys(schema.properties).flatMap((name) => {
    const value = env[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

function problemsOf(settings: Static<typeof Settings>): string[] {
  const ajv = new Ajv({ allErrors: true, strict: true });
  addFormats.default(ajv);
  if (ajv.validate(Settings, settings)) return [];
  return (ajv.errors ?? []).map((error) =>
    error.keyword === "required"
      ? `${String((error.params as { missingProperty: unknown }).missingProperty)} is missing`
      : `${error.instancePath.slice(1)} ${error.message ?? "is wrong"}`,
  );
}

function rulesBroken(settings: Partial<Static<typeof Settings>>): string[] {
  const broken = [];
  if (settings.MALWARE_GATE === "clamd" && settings.CLAMD_ADDRESS === undefined)
    broken.push("CLAMD_ADDRESS is missing, which MALWARE_GATE clamd asks for");
  if (settings.CALLPILOT_ENVIRONMENT === "local") return broken;
  if (settings.MALWARE_GATE === undefined) broken.push("MALWARE_GATE is missing");
  if (settings.WEBHOOK_ALLOWED_ORIGINS !== undefined)
    broken.push("WEBHOOK_ALLOWED_ORIGINS is allowed in the environment local only");
  if (settings.CALLPILOT_ROLE === "all") broken.push("CALLPILOT_ROLE all is allowed in the environment local only");
  for (const name of ["API_PUBLIC_URL", "GUEST_LINK_URL", "DATA_BLOB_PUBLIC_URL"] as const)
    if (settings[name]?.startsWith("http:") === true)
      broken.push(`${name} must be https outside the environment local`);
  if (list(settings.CORS_ORIGINS).some((entry) => !entry.startsWith("https://") || originOf(entry) !== entry))
    broken.push("CORS_ORIGINS must be https origins outside the environment local");
  return broken;
}

function originOf(text: string): string | undefined {
  return URL.canParse(text) ? new URL(text).origin : undefined;
}

function list(value: string | undefined): string[] {
  return (value ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function withoutSlash(url: string): string {
  return url.endsWith("/") ? url.slice(0, -1) : url;
}
