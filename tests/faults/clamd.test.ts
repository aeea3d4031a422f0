import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type LocalClamd, startClamd } from "../../local/clamd.ts";
import { clip } from "../../scripts/clips.ts";
import { startUpload } from "../../shared/videos/startUpload.ts";
import { type Repair, sweepTenant } from "../../shared/videos/sweepTenant.ts";
import { videoKind } from "../../shared/videos/video.ts";
import { backendOfFile } from "../support/backend.ts";
import { type GuestUpload, arrivedUpload, completedUpload, deliver, later, tracesOf } from "./guestUpload.ts";

const maxBytes = 200_000;

let clamd: LocalClamd;
beforeAll(async () => {
  clamd = await startClamd({ maxBytes });
  vi.stubEnv("MALWARE_GATE", "clamd");
  vi.stubEnv("CLAMD_ADDRESS", clamd.address);
  vi.stubEnv("CLAMD_MAX_BYTES", String(maxBytes));
});
afterAll(() => clamd.close());
backendOfFile();

const videoOf = ({ tenant, videoId }: GuestUpload) => tenant.repository.get(videoKind, videoId);

it("a clean video passes, and says so", async () => {
  const upload = await completedUpload(await clip("h264-silent.mp4"));
  expect(await deliver(upload)).toBe("ready");
  expect((await videoOf(upload)).scan).toMatchObject({ gate: "clamd", verdict: "clean" });
});

it("a video with something in it that clamd knows is locked away", async () => {
  const upload = await completedUpload(await clip("eicar.mp4"));
  expect(await deliver(upload)).toBe("quarantined");
  expect(await tracesOf(upload)).toMatchObject({ state: "quarantined", rejection: "malware", counted: 0, blobs: {} });
  expect((await videoOf(upload)).scan).toMatchObject({ gate: "clamd", verdict: "malicious" });
});

it("what clamd could not look at whole is not accepted in the first place", async () => {
  const { tenant, guest } = await arrivedUpload(await clip("text.mp4"));
  const request = { questionId: "room", size: maxBytes + 1, contentType: "video/mp4" };
  await expect(startUpload(tenant, guest, request)).rejects.toMatchObject({ code: "too_large" });
});

it("while clamd is away videos wait, as long as it takes, and none of their attempts is used up", async () => {
  const upload = await completedUpload(await clip("h264-silent.mp4"));
  const port = Number(clamd.address.split(":")[1]);
  await clamd.close();
  for (let delivery = 1; delivery <= 7; delivery++) expect(await deliver(upload)).toBe("waiting");
  expect(await tracesOf(upload)).toMatchObject({ state: "processing", lease: false, folders: 0, manifest: true });
  expect((await videoOf(upload)).attempts).toBe(0);

  const repairs: Repair[] = [];
  later({ minutes: 31 });
  await sweepTenant(upload.tenant, (what) => repairs.push(what));
  expect(repairs).toEqual(["scan_overdue", "announced_again"]);

  clamd = await startClamd({ maxBytes, port });
  expect(await deliver(upload)).toBe("ready");
});
