import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClipName, clip } from "../../scripts/clips.ts";
import { type RejectionCode, remedies } from "../../shared/media/rejection.ts";
import { quarantineContainer } from "../../shared/storage/containers.ts";
import { manifestName } from "../../shared/videos/video.ts";
import { documents } from "../support/contracts.ts";
import { blobsOf, useOwnStack } from "../support/ownStack.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { type TestTenant, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { processed, putBlob, refusal, start } from "../support/upload.ts";

interface Case {
  readonly file: ClipName;
  readonly contentType?: string;
  /** What the device declares besides. */
  readonly declares?: object;
  /** What the survey's question demands besides. */
  readonly asks?: object;
  /** What the device makes of its upload after it has handed it in. */
  readonly tampers?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
}

const otherSha256 = createHash("sha256").update("another file").digest("hex");

/** One recording for each code that there is. */
const cases: Readonly<Record<RejectionCode, Case>> = {
  too_large: { file: "pixel-bomb.webm", contentType: "video/webm" },
  size_mismatch: { file: "h264-silent.mp4", tampers: (bytes) => bytes.slice(1) },
  checksum_mismatch: { file: "h264-silent.mp4", declares: { sha256: otherSha256 } },
  unsupported_format: { file: "text.mp4" },
  no_video_track: { file: "audio-only.mp4" },
  corrupt: { file: "truncated-index-first.mp4" },
  too_short: { file: "blink.mp4" },
  too_long: { file: "h264-index-first.mp4", asks: { maxSeconds: 1 } },
  malware: { file: "eicar.mp4" },
};

let stack: AsyncDisposable;
let tenant: TestTenant;
beforeAll(async () => {
  // Run by hand, so that a device has time to do what it must not.
  stack = await useOwnStack({ MALWARE_GATE: "clamd", "AzureWebJobs.processVideo.Disabled": "true" });
  tenant = await newTenant();
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

async function process(surveyId: string, videoId: string): Promise<void> {
  const input = `ingest/${manifestName(tenant.id, surveyId, videoId)}`;
  const answer = await fetch(`${stackUnderTest().apiUrl}/admin/functions/processVideo`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ input }),
  });
  expect(answer.status).toBe(202);
}

test.each(Object.keys(cases) as RejectionCode[])(
  "a recording is refused as %s, with a remedy, and nothing of it is kept",
  async (code) => {
    const { file, contentType = "video/mp4", declares, asks, tampers } = cases[code];
    const questions = [{ id: "room", type: "video", label: "Show the room", required: true, ...asks }];
    const { guest, surveyId } = await newSurvey(tenant, { questions });
    const bytes = new Uint8Array(await readFile(await clip(file)));
    const { id, upload } = await start(guest, bytes.length, { contentType, ...declares });
    await putBlob(upload.url, bytes);
    const completion = { token: guest, body: { size: bytes.length } };
    await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, completion);
    await expectApi("POST /v1/guest/submit", 200, { token: guest });
    if (tampers !== undefined) await putBlob(upload.url, tampers(bytes));
    await process(surveyId, id);

    const state = code === "malware" ? "quarantined" : "rejected";
    const rejection = { code, remedy: remedies[code] };
    expect(await processed(guest, id)).toMatchObject({ state, rejection });
    const { token } = tenant.owner;
    const video = `surveys/${surveyId}/videos/${id}`;
    expect((await expectApi(`GET /v1/${video}`, 200, { token })).body).toMatchObject({ state, rejection });
    const survey = await expectApi(`GET /v1/surveys/${surveyId}`, 200, { token });
    expect(survey.body).toMatchObject({
      state: "changes_requested",
      changes: { questionIds: ["room"], reason: remedies[code] },
    });
    expect(await refusal(`POST /v1/${video}/playback`, token)).toMatchObject({ status: 409, code: "not_ready" });
    expect(await refusal(`POST /v1/${video}/retry`, token)).toMatchObject({ status: 409, code: "not_failed" });

    const quarantine = quarantineContainer(tenant.id, "devstoreaccount1").name;
    const left = code === "malware" ? [`${quarantine}/${surveyId}/${id}`] : [];
    await expect.poll(() => blobsOf(surveyId), { timeout: 20_000 }).toEqual(left);
    const counter = (await documents(tenant.id)).find((document) => document.id === "cnt_videoBytes");
    expect(counter?.["value"]).toBe(0);
  },
);
