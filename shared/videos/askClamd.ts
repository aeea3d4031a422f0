import type { ClamdAddress } from "../config.ts";
import { ScannerAway, scanWithClamd } from "../media/clamd.ts";
import type { BlobContainer } from "../storage/accounts.ts";
import type { BlobFacts } from "../storage/blobs.ts";
import { openStream } from "../storage/streams.ts";
import type { Work } from "./workLease.ts";
import { type Scan, blobNames } from "./video.ts";

/** Has clamd look through this version of the original; `waiting` where it is away. Throws what scanWithClamd throws. */
export async function askClamd(
  { video, signal }: Work,
  container: BlobContainer,
  { etag }: BlobFacts,
  address: ClamdAddress,
): Promise<Scan["verdict"]> {
  const { original } = blobNames(video.surveyId, video.id);
  const content = await openStream(container, original, { ifMatch: etag, abortSignal: signal });
  try {
    const { clean } = await scanWithClamd(content, address, signal);
    return clean ? "clean" : "malicious";
  } catch (error) {
    if (error instanceof ScannerAway) return "waiting";
    throw error;
  } finally {
    content.destroy();
  }
}
