import { QueueServiceClient, type QueueClient, type DequeuedMessageItem } from "@azure/storage-queue";
import { identity } from "../../shared/identity.ts";
import type { AppFunction } from "./app.ts";
import type { TypedData } from "./core.ts";
import { pause } from "./invoke.ts";
import { describe } from "./log.ts";
import { type Trigger, type TriggerHost, endpointOf, required } from "./trigger.ts";

export interface QueueOptions {
  /** Calls back when a message was put on a queue, so that nobody waits for the next poll. */
  readonly onQueueMessage?: ((listener: (queue: string) => void) => void) | undefined;
  /** Seconds that a message stays hidden unless renewed: how late it comes back after a kill. Azure: 600. */
  readonly messageLock: number;
}

const busyWait = 100;
const idleWait = 1000;
// The service's own limit of one Get Messages request.
const mostPerRequest = 32;

/**
 * Delivers a queue's messages: hidden and renewed while the function runs, deleted afterwards, shown again after a
 * failure, and moved to `<queue>-poison` after `maxDequeueCount` failures. At least once, in no order.
 */
export function createQueueTrigger(fn: AppFunction, host: TriggerHost, options: QueueOptions): Trigger {
  const { queues } = host.settings;
  const name = required(fn, "queueName");
  const service = new QueueServiceClient(endpointOf(fn, "queueServiceUri", host.env), identity());
  const queue = service.getQueueClient(name);
  const poison = service.getQueueClient(`${name}-poison`);
  const running = new Set<Promise<void>>();
  let nudge = new AbortController();

  const deliver = async (message: DequeuedMessageItem) => {
    const text = decode(message.messageText, queues.messageEncoding);
    if (text === undefined || message.dequeueCount > queues.maxDequeueCount) {
      await bury(message);
      return;
    }
    const lock = holdMessage(queue, message, options.messageLock);
    try {
      await host.invoker.invoke(fn, { data: { string: text }, metadata: metadataOf(message, text) });
      await queue.deleteMessage(message.messageId, await lock.release());
    } catch {
      const popReceipt = await lock.release();
      if (message.dequeueCount >= queues.maxDequeueCount) await bury({ ...message, popReceipt });
      else await queue.updateMessage(message.messageId, popReceipt, undefined, queues.visibilityTimeout / 1000);
    }
  };

  const bury = async (message: Pick<DequeuedMessageItem, "messageId" | "popReceipt" | "messageText">) => {
    await poison.createIfNotExists();
    await poison.sendMessage(message.messageText);
    await queue.deleteMessage(message.messageId, message.popReceipt);
    host.log.host("error", `Message ${message.messageId} was moved to ${poison.name}.`, fn.name);
  };

  const receive = async () => {
    const { receivedMessageItems } = await queue.receiveMessages({
      numberOfMessages: Math.min(queues.batchSize, mostPerRequest),
      visibilityTimeout: options.messageLock,
      abortSignal: host.stopping,
    });
    for (const message of receivedMessageItems) {
      const delivery = deliver(message)
        .catch((error: unknown) => {
          // The message comes back when its lock ends.
          host.log.host("warning", `Message ${message.messageId} was left: ${describe(error)}`, fn.name);
        })
        .finally(() => running.delete(delivery));
      running.add(delivery);
    }
    return receivedMessageItems.length;
  };

  const loop = async () => {
    let wait = busyWait;
    while (!host.stopping.aborted) {
      if (running.size > queues.newBatchThreshold) {
        await Promise.race([...running, pause(idleWait, host.stopping)]);
        continue;
      }
      // Before the request: a message that arrives during it must not be waited for.
      nudge = new AbortController();
      try {
        if ((await receive()) > 0) {
          wait = busyWait;
          continue;
        }
      } catch (error) {
        if (error instanceof Error && error.name === "AbortError") break;
        host.log.host("warning", `Queue ${name} cannot be read: ${describe(error)}`, fn.name);
        wait = idleWait;
      }
      await pause(Math.min(wait, queues.maxPollingInterval), AbortSignal.any([host.stopping, nudge.signal]));
      wait = nudge.signal.aborted ? busyWait : Math.min(wait * 2, idleWait);
    }
    await Promise.all(running);
  };

  return {
    start: async () => {
      await queue.createIfNotExists();
      options.onQueueMessage?.((changed) => {
        if (changed === name) nudge.abort();
      });
      host.run(loop);
    },
    runOnce: async (input) => {
      await host.invoker.invoke(fn, { data: { string: input }, metadata: { QueueTrigger: { string: input } } });
    },
  };
}

/** Renews the message's lock until released, which gives the receipt that is valid then. */
function holdMessage(queue: QueueClient, message: DequeuedMessageItem, seconds: number) {
  const released = new AbortController();
  let receipt = message.popReceipt;
  const renewing = (async () => {
    for (;;) {
      await pause((seconds * 1000) / 3, released.signal);
      if (released.signal.aborted) return;
      const renewed = await queue.updateMessage(message.messageId, receipt, undefined, seconds);
      receipt = renewed.popReceipt ?? receipt;
    }
    // A lock that is lost shows when the receipt is used.
  })().catch(() => undefined);
  return {
    release: async () => {
      released.abort();
      await renewing;
      return receipt;
    },
  };
}

/** The message's text, or undefined if it is not what `messageEncoding` in host.json says. */
function decode(text: string, encoding: "base64" | "none"): string | undefined {
  if (encoding === "none") return text;
  const trimmed = text.trim();
  const bytes = Buffer.from(trimmed, "base64");
  return bytes.toString("base64") === trimmed ? bytes.toString("utf8") : undefined;
}

function metadataOf(message: DequeuedMessageItem, text: string): Record<string, TypedData> {
  const json = (value: unknown) => ({ json: JSON.stringify(value) });
  return {
    QueueTrigger: { string: text },
    DequeueCount: json(message.dequeueCount),
    Id: json(message.messageId),
    PopReceipt: json(message.popReceipt),
    InsertionTime: json(message.insertedOn),
    ExpirationTime: json(message.expiresOn),
    NextVisibleTime: json(message.nextVisibleOn),
  };
}
