import type { BlobContainer } from "../storage/accounts.ts";
import { getJson, putJson } from "../storage/blobs.ts";
import { StoragePreconditionFailed } from "../storage/errors.ts";
import { fault } from "../validator.ts";
import { Evidence } from "./evidence.ts";

/** The evidence under that name; undefined if there is none. Throws where something else is there. */
export async function findEvidence(container: BlobContainer, blobName: string): Promise<Evidence | undefined> {
  const found = await getJson(container, blobName);
  if (found === undefined) return undefined;
  const wrong = fault(Evidence, found.value);
  if (wrong !== undefined) throw new Error(`what is stored as evidence is none: ${wrong.pointer} ${wrong.message}`);
  return found.value as Evidence;
}

/** Keeps the evidence unless there is some: the first one stays. Gives the one that is kept. */
export async function keepEvidence(container: BlobContainer, blobName: string, made: Evidence): Promise<Evidence> {
  try {
    await putJson(container, blobName, made, { ifNoneMatch: "*" });
    return made;
  } catch (error) {
    if (!(error instanceof StoragePreconditionFailed)) throw error;
    return (await findEvidence(container, blobName)) ?? gone(error);
  }
}

/** Bytes that it takes in storage. */
export function sizeOf(evidence: Evidence): number {
  return Buffer.byteLength(JSON.stringify(evidence));
}

function gone(cause: unknown): never {
  throw new Error("evidence was there and is gone", { cause });
}
