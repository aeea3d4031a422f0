import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BlobServiceClient } from "@azure/storage-blob";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { type UploadOptions, uploadVideo } from "../../clients/upload/uploadVideo.ts";
import { until } from "../../local/client.ts";
import { localCredential } from "../../local/cosmos/testSupport.ts";
import { clip } from "../../scripts/clips.ts";
import { containerName } from "../../shared/storage/containers.ts";
import type { VideoDetails } from "../../shared/videos/flightView.ts";
import { Random } from "../certify/random.ts";
import { documents } from "../support/contracts.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cuttingProxy.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { type TestTenant, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { enlarged, processed } from "../support/upload.ts";

const seed = process.env["CUT_SEED"] ?? randomBytes(4).toString("hex");

// Videos are processed here, which a machine that has other things to do takes its time for.
vi.setConfig({ testTimeout: 120_000 });

let tenant: TestTenant;
let film: Buffer;
beforeAll(async () => {
  tenant = await newTenant();
  film = await readFile(await clip("h264-silent.mp4"));
});

/** Requests to the API and to the storage take the ways that lead through the proxies. */
function through(api: CuttingProxy, blobs: CuttingProxy): NonNullable<UploadOptions["fetch"]> {
  return (url, init) => {
    const { origin, pathname, search } = new URL(url);
    const isApi = origin === new URL(stackUnderTest().apiUrl).origin;
    return fetch(`${isApi ? api.url : blobs.url}${pathname}${search}`, init);
  };
}

const hasty = { pauseMs: 2, longestMs: 40, enoughMs: 40_000 };
const kibibyte = 1024;
/** Bytes that storage answers a block with, at the least: a connection that is cut on the way back is cut by the first answer. */
const shortestAnswer = 200;

describe(`a device may lose its connections at any byte (CUT_SEED=${seed}):`, () => {
  test.each([
    ["of many small blocks", { size: 1_500 * kibibyte + 7, blockSize: 64 * kibibyte, cuts: 60, least: 10 }],
    ["of blocks that no power of two is", { size: 3_000 * kibibyte, blockSize: 100_003, cuts: 60, least: 10 }],
    ["of few large blocks", { size: 9 * 1024 * kibibyte, blockSize: undefined, cuts: 20, least: 2 }],
    ["of one block", { size: 200 * kibibyte, blockSize: undefined, cuts: 20, least: 1 }],
  ])("a file %s arrives as it was, once", async (name, { size, blockSize, cuts, least }) => {
    const { guest, surveyId } = await newSurvey(tenant);
    const { apiUrl, blobHttpUrl } = stackUnderTest();
    const random = new Random(`${seed} ${name}`);
    // No connection lives to see a second block; those that are cut on the way back have brought one.
    const most = { there: Math.min(blockSize ?? 4 * 1024 * kibibyte, size), back: shortestAnswer };
    await using api = await startCuttingProxy({ target: apiUrl, random, cuts: 10, most: { there: 900, back: 900 } });
    await using blobs = await startCuttingProxy({ target: new URL(blobHttpUrl).origin, random, cuts, most });
    const content = enlarged(film, size);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const uploaded = await uploadVideo(new Blob([content]), {
      ...{
        apiUrl,
        bearer: () => guest,
        questionId: "room",
        contentType: "video/mp4",
        sha256,
        key: randomBytes(8).toString("hex"),
      },
      ...(blockSize !== undefined && { blockSize }),
      ...{ patience: hasty, fetch: through(api, blobs) },
    });
    const { there, back } = blobs.cuts;
    console.log(`a file ${name}: ${there} connections cut on the way there, ${back} on the way back`);
    expect(there + back).toBeGreaterThanOrEqual(least);
    expect(uploaded.journal.retries).toBeGreaterThan(0);
    expect(await processed(guest, uploaded.videoId, 90)).toMatchObject({ state: "ready" });
    const { body } = await expectApi<VideoDetails>(`GET /v1/surveys/${surveyId}/videos/${uploaded.videoId}`, 200, {
      token: tenant.owner.token,
    });
    expect(body.original).toEqual({ size, sha256 });
    expect(body.flight.blocks).toBe(uploaded.blocks);
    expect(body.flight).toHaveProperty("journal.gaps");
    const videos = (await documents(tenant.id)).filter(
      ({ kind, ...video }) => kind === "video" && video["surveyId"] === surveyId,
    );
    expect(videos.map(({ id }) => id)).toEqual([uploaded.videoId]);
    await until("the upload's blob and blocks to be gone", 30, async () =>
      (await incoming(surveyId)).length === 0 ? true : undefined,
    );
  });
});

/** What is left of a survey's uploads, staged blocks included. */
async function incoming(surveyId: string): Promise<readonly string[]> {
  const service = new BlobServiceClient(stackUnderTest().blobUrl, localCredential);
  const names = [];
  const found = service
    .getContainerClient(containerName(tenant.id))
    .listBlobsFlat({ prefix: `incoming/${surveyId}/`, includeUncommitedBlobs: true });
  for await (const { name } of found) names.push(name);
  return names;
}
