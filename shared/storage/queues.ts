import { queueAccount } from "./accounts.ts";
import { StorageNotFound, storageRequest } from "./errors.ts";

/** Every queue there is; functions are bound to them by these names. */
export const queueNames = [
  "provision-tenant",
  "request-access",
  "send-mail",
  "deliver-webhook",
  "analyse-video",
  "sweep-tenant",
  "seal-log",
  "seal-evidence",
] as const;
export type QueueName = (typeof queueNames)[number];

/** What every message says: whose it is, and which request caused it; beside that, ids and closed words. */
export interface Message {
  readonly tenantId: string;
  readonly requestId: string;
  readonly [field: string]: string | number | boolean;
}

/** Version of the messages that this build writes; the next build and the one before understand them too. */
const schemaVersion = 1;

/** Storage's limit for a message is 64 KiB, and Base64 makes 4 bytes of 3. */
const maxJsonBytes = 48 * 1024;
/** Longer than any schedule of ours; what nobody fetched must not vanish silently. */
const neverExpires = -1;

/**
 * Puts a message on a queue; it is delivered at least once, in no order. Invisible for `delaySeconds` (at most 7 days).
 * The message carries whatever its consumers deduplicate by. Throws RangeError above 48 KiB of JSON.
 */
export async function sendMessage(
  queue: QueueName,
  message: Message,
  { delaySeconds = 0 }: { readonly delaySeconds?: number } = {},
): Promise<void> {
  const json = Buffer.from(JSON.stringify({ schemaVersion, ...message }));
  if (json.length > maxJsonBytes) throw new RangeError(`A message for ${queue} exceeds ${maxJsonBytes} bytes.`);
  const client = queueAccount().getQueueClient(queue);
  const send = () =>
    storageRequest((abortSignal) =>
      client.sendMessage(json.toString("base64"), {
        visibilityTimeout: delaySeconds,
        messageTimeToLive: neverExpires,
        abortSignal,
      }),
    );
  try {
    await send();
  } catch (error) {
    if (!(error instanceof StorageNotFound)) throw error;
    await storageRequest((abortSignal) => client.createIfNotExists({ abortSignal }));
    await send();
  }
}
