import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { BlobServiceClient, RestError } from "@azure/storage-blob";
import { identity } from "../shared/identity.ts";
import { unquoted } from "../shared/storage/blobs.ts";
import type { CreatedBlob } from "./azurite.ts";
import { eicar } from "./eicar.ts";

/** Looks through every blob that is written, as Microsoft Defender for Storage does, and has the result delivered. */
export interface LocalDefender {
  /** Told of each blob that was written. */
  readonly scan: (created: CreatedBlob) => void;
  /** Waits for what is under way. */
  readonly close: () => Promise<void>;
}

const tries = 5;

/**
 * Knows the EICAR text, wherever it stands, and nothing else. Results go to the function `onScanResult` as Event Grid's
 * default schema has them, again after a failure; their words and fields are those of Microsoft's examples
 * (https://learn.microsoft.com/azure/defender-for-cloud/understand-malware-scan-results).
 */
export function startDefender(places: { readonly blobServiceUri: string; readonly apiUrl: string }): LocalDefender {
  const blobs = new BlobServiceClient(places.blobServiceUri, identity());
  const running = new Set<Promise<void>>();
  const webhook = `${places.apiUrl}/runtime/webhooks/EventGrid?functionName=onScanResult`;

  const deliver = async (event: object) => {
    const headers = { "content-type": "application/json", "aeg-event-type": "Notification" };
    for (let attempt = 1; attempt <= tries; attempt++) {
      const answer = await fetch(webhook, { method: "POST", headers, body: JSON.stringify([event]) }).catch(
        () => undefined,
      );
      if (answer?.ok === true) return;
      await delay(100 * 2 ** attempt);
    }
  };

  const scan = async ({ container, blob }: CreatedBlob) => {
    const client = blobs.getContainerClient(container).getBlobClient(blob);
    const { readableStreamBody, etag = "" } = await client.download();
    let [found, before] = [false, ""];
    for await (const chunk of (readableStreamBody ?? []) as AsyncIterable<Buffer>) {
      const text = before + chunk.toString("latin1");
      found ||= text.includes(eicar);
      before = text.slice(-eicar.length);
    }
    const id = randomUUID();
    const finished = new Date().toISOString();
    await deliver({
      id,
      subject: `storageAccounts/${client.accountName}/containers/${container}/blobs/${blob}`,
      eventType: "Microsoft.Security.MalwareScanningResult",
      eventTime: finished,
      dataVersion: "1.0",
      metadataVersion: "1",
      data: {
        correlationId: id,
        blobUri: `${places.blobServiceUri}/${container}/${blob}`,
        eTag: unquoted(etag),
        scanFinishedTimeUtc: finished,
        scanResultType: found ? "Malicious" : "No threats found",
        scanResultDetails: found ? { malwareNamesFound: ["Virus:DOS/EICAR_Test_File"] } : null,
      },
    });
  };

  return {
    scan: (created) => {
      const task = scan(created)
        .catch((error: unknown) => {
          // It was replaced or deleted meanwhile, and has no result.
          if (!(error instanceof RestError)) throw error;
        })
        .finally(() => running.delete(task));
      running.add(task);
    },
    close: async () => {
      await Promise.all(running);
    },
  };
}
