import { createHash } from "node:crypto";
import { EmailClient } from "@azure/communication-email";
import { config } from "../config.ts";
import { identity } from "../identity.ts";
import { lazy } from "../lazy.ts";
import type { RenderedMail } from "./layout.ts";

export interface Recipient {
  readonly address: string;
  readonly displayName?: string;
}

/** The mail service will not take this mail, however often it is tried, e.g. because the address cannot exist. */
export class MailRefused extends Error {
  override readonly name = "MailRefused";
}

/** A domain that nobody can have (RFC 2606, 2). The people of a sandbox copy have such, and a bounce would count against us. */
const nobodys = /\.invalid$/iu;
const timeoutMs = 60_000;
const client = lazy(() => new EmailClient(config().mail.endpoint, identity()));

/**
 * Sends a mail and waits until the service has sent it on. `occasion` names why: the same parts make the same operation
 * of the service, which delivers once. Throws {@link MailRefused}, or what the service failed with.
 */
export async function deliver(
  to: Recipient,
  { subject, text, html }: RenderedMail,
  occasion: readonly string[],
): Promise<void> {
  if (nobodys.test(to.address)) throw new MailRefused("the address cannot exist");
  const abortSignal = AbortSignal.timeout(timeoutMs);
  try {
    const poller = await client().beginSend(
      {
        senderAddress: config().mail.sender,
        recipients: { to: [{ ...to }] },
        content: { subject, plainText: text, html },
        // Tracking rewrites links, which would show their tokens to the tracker.
        disableUserEngagementTracking: true,
      },
      { operationId: uuidOf(occasion), abortSignal },
    );
    await poller.pollUntilDone({ abortSignal });
  } catch (error) {
    if ((error as { statusCode?: unknown }).statusCode === 400)
      throw new MailRefused("the mail service refused the mail", { cause: error });
    throw error;
  }
}

/** A UUID of version 8 (RFC 9562, 5.8) that follows from the parts. */
function uuidOf(parts: readonly string[]): string {
  const bytes = createHash("sha256").update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5");
}
