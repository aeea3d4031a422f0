import { type KeyObject, constants, generateKeyPairSync, sign } from "node:crypto";
import { ulid } from "ulid";
import type { PublicKey } from "../protection/signature.ts";
import { blocksOf } from "../videos/blocks.ts";
import { type Evidence, evidenceKeyName, evidenceOf, signedBytes } from "./evidence.ts";
import { type Manifest, chainCustody } from "./manifest.ts";

export interface SignerForTests {
  readonly key: PublicKey;
  readonly privateKey: KeyObject;
}

/** A key as the vault would have it, here. */
export function newSigner(name: string = evidenceKeyName, modulusLength = 2048): SignerForTests {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength });
  const { n = "", e = "" } = publicKey.export({ format: "jwk" });
  return { privateKey, key: { kty: "RSA", alg: "PS256", use: "sig", kid: `${name}/${"1".repeat(32)}`, n, e } };
}

export function signed(manifest: Manifest, { key, privateKey }: SignerForTests): Evidence {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const value = sign("sha256", signedBytes(key.kid, manifest), { key: privateKey, ...pss }).toString("base64url");
  return evidenceOf(manifest, { kid: key.kid, value }, key);
}

const size = 10_000_000;
const hash = (digit: string) => digit.repeat(64);
const minute = (at: number) => `2026-11-25T10:0${at}:00.000Z`;
const guest = { type: "guest", id: `lnk_${ulid()}` } as const;
const worker = { type: "system", id: "processVideo" } as const;

/** The manifest of a video that nobody has recorded. */
export function newManifest(of: Partial<Pick<Manifest, "tenantId" | "surveyId" | "videoId">> = {}): Manifest {
  const blocks = blocksOf(size, 4_194_304);
  const tool = { version: "7.1.1-1+b1", sha256: hash("7") };
  return {
    v: 1,
    tenantId: `tnt_${ulid()}`,
    surveyId: `svy_${ulid()}`,
    questionId: "room",
    videoId: `vid_${ulid()}`,
    ...of,
    declared: { size, contentType: "video/mp4", sha256: hash("1") },
    received: { size, etag: "0x8DE1", blockCount: blocks.length, blocks: [...blocks] },
    original: { size, sha256: hash("1"), etag: "0x8DE2" },
    outputs: {
      video: { size: 9_000, sha256: hash("2") },
      poster: { size: 300, sha256: hash("3") },
      sprite: { size: 500, sha256: hash("4") },
    },
    media: { method: "remux", durationMs: 60_000, width: 1280, height: 720 },
    limits: { maxBytes: 4 * 2 ** 30, minDurationMs: 500, maxDurationMs: 3_600_000, maxPixels: 36_000_000 },
    tools: { callpilot: { version: "0.1.0", commit: "0123abc" }, ffmpeg: tool, ffprobe: tool },
    consent: { version: 1, accepted: true, at: minute(0), locale: "en", textSha256: hash("5") },
    times: { started: minute(1), completed: minute(2), processed: minute(4) },
    custody: chainCustody([
      { at: minute(1), what: "startUpload", by: guest, log: { sequence: 7, hash: hash("a") } },
      { at: minute(2), what: "video.uploaded", by: guest, log: { sequence: 8, hash: hash("b") } },
      { at: minute(4), what: "hashed", by: worker },
      { at: minute(4), what: "video.ready", by: worker, log: { sequence: 9, hash: hash("c") } },
      { at: minute(5), what: "sealed", by: { type: "system", id: "sealEvidence" } },
    ]),
  };
}
