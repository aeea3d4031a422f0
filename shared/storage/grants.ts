import { BlobSASPermissions, SASProtocol, generateBlobSASQueryParameters } from "@azure/storage-blob";
import { now } from "../clock.ts";
import { config } from "../config.ts";
import { type BlobContainer, blobAccount } from "./accounts.ts";
import { isQuarantine } from "./containers.ts";
import { delegationKey } from "./delegationKey.ts";

/** A URL that allows one thing on one blob until it expires. It is a bearer secret: never logged, never stored bare. */
export interface Grant {
  readonly url: string;
  /** RFC 3339, UTC. */
  readonly expiresAt: string;
}

const maxUploadMinutes = 60;
const maxReadMinutes = 15;
/** A server-side copy reads under its grant from start to end. */
const copyMinutes = 60;

/** Lets a device stage and commit this one blob (create and write; no read, list or delete), at most 60 minutes. */
export async function uploadGrant(
  container: BlobContainer,
  blobName: string,
  { minutes }: { minutes: number },
): Promise<Grant> {
  return grant(container, blobName, "cw", within(minutes, maxUploadMinutes), { base: config().data.blobPublicUrl });
}

/** Lets a player read this one blob, at most 15 minutes, with the response headers given here. */
export async function readGrant(
  container: BlobContainer,
  blobName: string,
  { minutes, ...headers }: { minutes: number; contentType?: string; contentDisposition: string },
): Promise<Grant> {
  return grant(container, blobName, "r", within(minutes, maxReadMinutes), {
    base: config().data.blobPublicUrl,
    headers,
  });
}

/** URL under which the storage service itself reads the source of a copy. */
export async function copySource(container: BlobContainer, blobName: string): Promise<string> {
  return (await grant(container, blobName, "r", copyMinutes, { base: config().data.blobUrl })).url;
}

interface GrantOptions {
  readonly base: string;
  readonly headers?: { contentType?: string; contentDisposition?: string };
}

async function grant(
  container: BlobContainer,
  blobName: string,
  permissions: "cw" | "r",
  minutes: number,
  { base, headers = {} }: GrantOptions,
): Promise<Grant> {
  if (isQuarantine(container)) throw new RangeError("Nobody is granted what is in quarantine.");
  // A SAS counts whole seconds.
  const expiresOn = new Date(Math.floor(now().getTime() / 1000) * 1000 + minutes * 60_000);
  const sas = generateBlobSASQueryParameters(
    {
      containerName: container.name,
      blobName,
      permissions: BlobSASPermissions.parse(permissions),
      expiresOn,
      protocol: base.startsWith("https:") ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
      ...headers,
    },
    await delegationKey(container.account),
    blobAccount(container.account).accountName,
  );
  const path = [container.name, ...blobName.split("/")].map(encodeURIComponent).join("/");
  return { url: `${base}/${path}?${sas.toString()}`, expiresAt: expiresOn.toISOString() };
}

function within(minutes: number, most: number): number {
  if (minutes > 0 && minutes <= most) return minutes;
  throw new RangeError(`A grant lasts more than 0 and at most ${most} minutes.`);
}
