import { RestError } from "@azure/storage-blob";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { clip } from "../../scripts/clips.ts";
import { setClockForTests } from "../../shared/clock.ts";
import { blobClient } from "../../shared/storage/accounts.ts";
import { StorageUnreadable, translated } from "../../shared/storage/errors.ts";
import { type Repair, sweepTenant } from "../../shared/videos/sweepTenant.ts";
import { blobNames, videoKind } from "../../shared/videos/video.ts";
import { viewUpload } from "../../shared/videos/uploadView.ts";
import { backendOfFile } from "../support/backend.ts";
import {
  type GuestUpload,
  arrivedUpload,
  cancel,
  complete,
  completedUpload,
  deliver,
  later,
  tracesOf,
} from "./guestUpload.ts";

let film: string;
beforeAll(async () => {
  film = await clip("h264-silent.mp4");
});
backendOfFile();
afterEach(() => {
  setClockForTests();
});

const sent = ({ container, guest, videoId }: GuestUpload) =>
  blobClient(container, blobNames(guest.surveyId, videoId).incoming);

/** Sent at once, as archived. */
async function archived(): Promise<GuestUpload> {
  const upload = await arrivedUpload(film);
  await sent(upload).upload(Buffer.alloc(upload.size), upload.size, { tier: "Archive" });
  return upload;
}

describe("an upload that its device archives", () => {
  it("is not completed, and goes when the guest cancels it", async () => {
    const upload = await archived();
    const { tenant, container, videoId } = upload;
    const view = await viewUpload(tenant, container, await tenant.repository.get(videoKind, videoId));
    expect(view.receivedBytes).toBe(upload.size);
    await expect(complete(upload)).rejects.toMatchObject({ code: "size_mismatch" });
    await cancel(upload);
    expect(await tracesOf(upload)).toMatchObject({ state: "upload_cancelled", counted: 0, blobs: {} });
  });

  it("after it was completed is refused at the first attempt", async () => {
    const upload = await completedUpload(film);
    await sent(upload).setAccessTier("Archive");
    expect(await deliver(upload)).toBe("rejected");
    expect(await tracesOf(upload)).toMatchObject({
      rejection: "checksum_mismatch",
      counted: 0,
      blobs: {},
      lease: false,
    });
  });

  it("does not keep its tenant's sweep from anything", async () => {
    const upload = await archived();
    later({ days: 6, minutes: 1 });
    const repairs: Repair[] = [];
    await sweepTenant(upload.tenant, (what) => repairs.push(what));
    expect(repairs).toEqual(["upload_expired"]);
    expect(await tracesOf(upload)).toMatchObject({ state: "upload_expired", counted: 0, blobs: {} });
  });
});

it("what is encrypted with a device's own key is known by the header, since HEAD is answered without a body", () => {
  const answer = new RestError("conflict", { statusCode: 409 });
  answer.details = { errorCode: "BlobUsesCustomerSpecifiedEncryption" };
  expect(translated(answer)).toBeInstanceOf(StorageUnreadable);
  expect(translated(new RestError("conflict", { statusCode: 409, code: "ContainerBeingDeleted" }))).toBeInstanceOf(
    RestError,
  );
});
