import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlockBlobClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { shell } from "../support/shell.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { type TestTenant, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { type Upload, processed, start } from "../support/upload.ts";

// Videos are processed here, which a machine that has other things to do takes its time for.
vi.setConfig({ testTimeout: 120_000 });

let tenant: TestTenant;
let path: string;
let film: Uint8Array<ArrayBuffer>;
let folder: string;
beforeAll(async () => {
  tenant = await newTenant();
  path = await clip("h264-index-first.mp4");
  film = new Uint8Array(await readFile(path));
  folder = await mkdtemp(join(tmpdir(), "callpilot-curl-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const newGuest = async () => (await newSurvey(tenant)).guest;

async function complete(guest: string, id: string, blocks?: readonly string[]): Promise<void> {
  const body = { size: film.length, ...(blocks !== undefined && { blocks }) };
  await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, { token: guest, body });
}

describe("curl alone sends a video,", () => {
  test("at once, by the lines of docs/uploading.md", async () => {
    const page = await readFile(join(import.meta.dirname, "../../docs/uploading.md"), "utf8");
    const script = /```sh\n(?<script>[^`]+)```/u.exec(page)?.groups?.["script"] ?? "";
    const { link, guest } = await newSurvey(tenant);
    const env = { API: stackUnderTest().apiUrl, TOKEN: new URL(link).hash.slice(1), FILE: path };
    const { id } = JSON.parse(await shell(script, env)) as Upload;
    expect(await processed(guest, id)).toMatchObject({ state: "ready" });
  });

  test("in blocks", async () => {
    const guest = await newGuest();
    const { id, upload } = await start(guest, film.length, { blockSize: 65_536 });
    const script = `
      split --bytes=65536 --numeric-suffixes --suffix-length=5 "$FILE" "$FOLDER/"
      for BLOCK in "$FOLDER"/*; do
        curl -sf -T "$BLOCK" "$URL&comp=block&blockid=$(printf %s "$(basename "$BLOCK")" | base64 | jq -sRr 'rtrimstr("\n") | @uri')"
      done`;
    await shell(script, { FILE: path, FOLDER: folder, URL: upload.url });
    await complete(guest, id);
    expect(await processed(guest, id)).toMatchObject({ state: "ready" });
  });
});

describe("Azure's own client sends a video", () => {
  const storage = (upload: Required<Upload>["upload"]) => new BlockBlobClient(upload.url);
  const others = { maxSingleShotSize: 1, blockSize: 65_536 };

  test.each([
    ["at once", (client: BlockBlobClient) => client.uploadData(film)],
    ["in blocks that it commits itself", (client: BlockBlobClient) => client.uploadData(film, others)],
    ["from a stream", (client: BlockBlobClient) => client.uploadStream(createReadStream(path), 65_536, 2)],
  ])("%s", async (_, send) => {
    const guest = await newGuest();
    const { id, upload } = await start(guest, film.length);
    await send(storage(upload));
    const { body } = await expectApi<Upload>(`GET /v1/guest/videos/${id}`, 200, { token: guest });
    expect(body).toMatchObject({ state: "uploading", received: [], receivedBytes: film.length });
    await complete(guest, id);
    expect(await processed(guest, id)).toMatchObject({ state: "ready" });
  });

  test("in blocks under ids of its own, which the completion puts in order", async () => {
    const guest = await newGuest();
    const { id, upload } = await start(guest, film.length);
    const ids = ["first", "other"].map((name) => btoa(name));
    const [first = "", other = ""] = ids;
    await storage(upload).stageBlock(other, film.subarray(1000), film.length - 1000);
    await storage(upload).stageBlock(first, film.subarray(0, 1000), 1000);
    const { body } = await expectApi<Upload>(`GET /v1/guest/videos/${id}`, 200, { token: guest });
    expect(body.received).toHaveLength(2);
    await complete(guest, id, ids);
    expect(await processed(guest, id)).toMatchObject({ state: "ready" });
  });
});
