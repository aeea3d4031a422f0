import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyClient } from "@azure/keyvault-keys";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../local/client.ts";
import { localCredential } from "../../local/cosmos/testSupport.ts";
import { clip } from "../../scripts/clips.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import { keyObject, thumbprint } from "../../shared/protection/signature.ts";
import { asPublicKey } from "../../shared/protection/signing.ts";
import { blockId } from "../../shared/videos/blocks.ts";
import { settled } from "../support/contracts.ts";
import { runProgram } from "../support/program.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { type TestTenant, api, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { processed, putBlock, refusal, start } from "../support/upload.ts";

const dir = mkdtempSync(join(tmpdir(), "callpilot-evidence-"));
const file = (name: string) => join(dir, name);
afterAll(() => {
  rmSync(dir, { recursive: true });
});

interface Sealed {
  readonly guest: string;
  /** Path behind `/v1/`. */
  readonly video: string;
  readonly id: string;
  readonly evidence: Evidence;
  /** The answer as it came. */
  readonly text: string;
}

async function sealedVideo(owner: TestTenant["owner"], path: string): Promise<Sealed> {
  const { guest, surveyId } = await newSurvey({ owner });
  const bytes = new Uint8Array(readFileSync(path));
  const { id, upload } = await start(guest, bytes.length);
  await putBlock(upload.url, 0, bytes);
  const video = `surveys/${surveyId}/videos/${id}`;
  const early = await refusal(`GET /v1/${video}/evidence`, owner.token);
  expect(early).toMatchObject({ status: 409, code: "not_sealed", state: "awaiting_upload" });
  await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, { token: guest, body: { size: bytes.length } });
  expect(await processed(guest, id)).toMatchObject({ state: "ready" });
  return await until("evidence", 30, async () => {
    const { status, body, text } = await api<Evidence>(`GET /v1/${video}/evidence`, { token: owner.token });
    return status === 200 ? { guest, video, id, evidence: body, text } : undefined;
  });
}

let tenant: TestTenant;
let original: string;
let sealed: Sealed;
/** Thumbprint of the key that the vault has. */
let believed: string;

beforeAll(async () => {
  tenant = await newTenant();
  original = await clip("h264-silent.mp4");
  sealed = await sealedVideo(tenant.owner, original);
  writeFileSync(file("evidence.json"), sealed.text);
  const keys = new KeyClient(stackUnderTest().vaultUrl, localCredential, {
    disableChallengeResourceVerification: true,
  });
  believed = thumbprint(keyObject(asPublicKey(await keys.getKey("evidence-seal"))));
}, 90_000);

const verify = (...args: string[]) => runProgram("scripts/verifyEvidence.ts", args);

test("evidence tells what was declared, received, hashed and made of it, by whom and with what", async () => {
  const { video, id, evidence } = sealed;
  const size = readFileSync(original).length;
  const { body: shown } = await expectApi<{ original: { sha256: string }; evidence: object }>(`GET /v1/${video}`, 200, {
    token: tenant.owner.token,
  });
  const { manifest } = evidence;
  expect(manifest).toMatchObject({
    tenantId: tenant.id,
    videoId: id,
    declared: { size, contentType: "video/mp4" },
    received: { size, blockCount: 1, blocks: [{ id: blockId(0), size }] },
    original: { size, sha256: shown.original.sha256 },
    media: { method: "remux" },
    consent: {
      version: 1,
      accepted: true,
      locale: "en",
      textSha256: expect.stringMatching(/^[0-9a-f]{64}$/u) as string,
    },
    tools: { ffmpeg: { version: expect.stringMatching(/^\w/u) as string } },
  });
  expect(manifest.custody.map(({ what, by }) => `${what} by ${by.type}`)).toEqual([
    "startUpload by guest",
    "video.uploaded by guest",
    "processVideo by system",
    ...["taken_over", "hashed", "prepared", "stored"].map((step) => `${step} by system`),
    "video.ready by system",
    "sealed by system",
  ]);
  expect(shown.evidence).toMatchObject({ sealedAt: manifest.custody.at(-1)?.at });
  expect(JSON.stringify(evidence)).not.toContain("Gerda");
});

test("who sees the survey gets it, each use is in the tenant's log, and nobody else gets it", async () => {
  const { video, id, guest } = sealed;
  const [surveyor, auditor, stranger] = await Promise.all([
    tenant.join("surveyor"),
    tenant.join("auditor"),
    newTenant(),
  ]);
  const statusFor = async (token: string) => (await api(`GET /v1/${video}/evidence`, { token })).status;
  expect(await statusFor(auditor.token)).toBe(200);
  expect(await statusFor(surveyor.token)).toBe(404);
  expect(await statusFor(guest)).toBe(403);
  expect(await statusFor(stranger.owner.token)).toBe(404);
  await settled(tenant.id);
  const { body } = await expectApi<{ items: { action: string; actor: { id: string }; result: string }[] }>(
    `GET /v1/audit?target=${id}`,
    200,
    { token: tenant.owner.token },
  );
  const uses = body.items.filter(({ action, result }) => action === "getEvidence" && result === "done");
  expect(uses.map(({ actor }) => actor.id)).toContain(auditor.id);
});

test("the verifier knows it by the vault's key, with the files and the log, offline", { timeout: 90_000 }, async () => {
  const { owner } = tenant;
  const play = await expectApi<{ video: { url: string } }>(`POST /v1/${sealed.video}/playback`, 200, {
    token: owner.token,
  });
  const made = await fetch(play.body.video.url);
  writeFileSync(file("video.mp4"), new Uint8Array(await made.arrayBuffer()));
  await settled(tenant.id);
  const { apiUrl } = stackUnderTest();
  const log = ["--fetch", apiUrl, "--token", owner.token];
  expect(await runProgram("scripts/verifyLog.ts", [file("log.json"), ...log])).toMatchObject({ code: 0 });
  const files = ["--original", original, "--video", file("video.mp4"), "--log", file("log.json")];
  const good = await verify(file("evidence.json"), "--key", believed, ...files);
  for (const line of ["is the file that /manifest/original", "is the file that /manifest/outputs", "tells the same"])
    expect(good.output).toContain(line);
  expect(good.code).toBe(0);
  const swapped = await verify(file("evidence.json"), "--key", believed, "--original", file("video.mp4"));
  expect([swapped.code, swapped.output]).toEqual([1, expect.stringContaining("✗ /manifest/original is not ")]);
  const none = await verify("nowhere.json", "--key", believed);
  expect([none.code, none.output]).toEqual([
    2,
    expect.stringContaining("verify-evidence: nowhere.json cannot be read"),
  ]);
});

test("evidence goes with its video, and the log keeps its hash", async () => {
  const { guest, video, id } = await sealedVideo(tenant.owner, original);
  await expectApi(`DELETE /v1/guest/videos/${id}`, 204, { token: guest });
  expect(await refusal(`GET /v1/${video}/evidence`, tenant.owner.token)).toMatchObject({
    status: 409,
    code: "not_sealed",
  });
  await settled(tenant.id);
  const { body } = await expectApi<{ items: { type: string; data: { videoId?: string; manifestHash?: string } }[] }>(
    "GET /v1/events?limit=100",
    200,
    { token: tenant.owner.token },
  );
  // Its analysis may have ended before, or finds it gone.
  const own = body.items.filter(({ type, data }) => data.videoId === id && type !== "video.analysed");
  expect(own.map(({ type }) => type)).toEqual(["video.uploaded", "video.ready", "video.sealed", "video.deleted"]);
  expect(own[2]?.data.manifestHash).toMatch(/^[0-9a-f]{64}$/u);
});
