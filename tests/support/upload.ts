import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";

import { until } from "../../local/client.ts";
import { blockId } from "../../shared/videos/blocks.ts";
import { api, expectApi } from "./tenant.ts";

export interface Upload {
  readonly id: string;
  readonly state: string;
  readonly upload?: {
    readonly url: string;
    readonly blockSize: number;
    readonly expiresAt: string;
    readonly sessionExpiresAt: string;
  };
  readonly received?: readonly { readonly id: string; readonly size: number }[];
  readonly receivedBytes?: number;
  readonly progress?: number;
  readonly rejection?: { readonly code: string; readonly remedy: string };
}

/** The film with a box behind it that players skip, so that it has the size; no two parts of that are the same. */
export function enlarged(film: Buffer, size: number): Buffer<ArrayBuffer> {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(size - film.length);
  head.write("free", 4);
  return Buffer.concat([film, head, randomBytes(size - film.length - head.length)]);
}

/** Starts an upload as the guest, of a video for the question. */
export async function start(guest: string, size: number, more: object = {}): Promise<Required<Upload>> {
  const { body } = await expectApi<Required<Upload>>("POST /v1/guest/videos", 201, {
    token: guest,
    body: { questionId: "room", size, contentType: "video/mp4", ...more },
  });
  return body;
}

/** Stages one block, as a browser does. */
export async function putBlock(url: string, place: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const target = `${url}&comp=block&blockid=${encodeURIComponent(blockId(place))}`;
  const answer = await fetch(target, { method: "PUT", body: bytes });
  if (answer.status !== 201) throw new Error(`the block was refused: ${answer.status} ${await answer.text()}`);
}

/** Sends the whole file at once. */
export async function putBlob(url: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const answer = await fetch(url, { method: "PUT", body: bytes, headers: { "x-ms-blob-type": "BlockBlob" } });
  if (answer.status !== 201) throw new Error(`the file was refused: ${answer.status} ${await answer.text()}`);
}

/** Sends a file and completes it; gives the video's id. */
export async function send(guest: string, path: string, more: object = {}): Promise<string> {
  const bytes = new Uint8Array(await readFile(path));
  const { id, upload } = await start(guest, bytes.length, more);
  await putBlob(upload.url, bytes);
  await expectApi(`POST /v1/guest/videos/${id}/complete`, 202, { token: guest, body: { size: bytes.length } });
  return id;
}

const final = ["ready", "rejected", "quarantined", "processing_failed"];

/** The upload once it is processed. */
export async function processed(guest: string, id: string, seconds = 60): Promise<Upload> {
  let state = "unknown";
  return await until(
    () => `video ${id}, which was ${state} at last`,
    seconds,
    async () => {
      const { body } = await expectApi<Upload>(`GET /v1/guest/videos/${id}`, 200, { token: guest });
      ({ state } = body);
      return final.includes(state) ? body : undefined;
    },
  );
}

/** The code that the API refuses the operation with. */
export async function refusal(
  operation: string,
  token: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly code: string; readonly missing?: readonly string[] }> {
  const answer = await api<{ code: string; missing?: readonly string[] }>(operation, { token, body });
  return { ...answer.body, status: answer.status };
}
