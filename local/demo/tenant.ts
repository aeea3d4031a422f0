import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EventView } from "../../shared/log/eventView.ts";
import type { Playback } from "../../shared/videos/playback.ts";
import type { VideoView } from "../../shared/videos/videoView.ts";
import type { NewWebhookView, WebhookView } from "../../shared/webhooks/webhookView.ts";
import { signIn, until } from "../client.ts";
import { LocalError } from "../service.ts";
import { textOf, writeDurably } from "../stateFile.ts";
import { type Session, ask } from "./api.ts";
import type { DemoStack } from "./runningStack.ts";

/** Events that the tenant's server wants to hear of. */
export const wantedEvents = ["survey.submitted", "video.ready"] as const;

/** The tenant's side: a company's person at the API, signed in. */
export interface Tenant extends Session {
  readonly stack: DemoStack;
  readonly name: string;
  readonly email: string;
}

/** Signs in the owner of the first seeded tenant. */
export async function signInTenant(stack: DemoStack): Promise<Tenant> {
  const [tenant] = stack.tenants;
  const owner = tenant?.members.find(({ role }) => role === "owner");
  if (tenant === undefined || owner === undefined)
    throw new LocalError("The running stack has no tenants to try things with: start it without --no-seed.");
  return { stack, name: tenant.name, email: owner.email, token: await signIn(stack, owner.email, tenant.id) };
}

export interface InvitedSurvey {
  readonly id: string;
  readonly externalRef: string;
  /** What the guest gets: whoever has it is the guest. */
  readonly link: string;
}

/** A new survey on the tenant's oldest published template, and its link. */
export async function inviteGuest(tenant: Tenant): Promise<InvitedSurvey> {
  const { items } = await ask<{ items: readonly { publishedVersionId?: string }[] }>(
    tenant,
    "GET /v1/templates?limit=100",
  );
  const templateVersionId = items.findLast((item) => item.publishedVersionId !== undefined)?.publishedVersionId;
  if (templateVersionId === undefined)
    throw new LocalError(`${tenant.name} has no published template: npm start -- --fresh begins anew.`);
  const externalRef = `demo ${new Date().toISOString()}`;
  const { id } = await ask<{ id: string }>(tenant, "POST /v1/surveys", {
    body: { templateVersionId, externalRef, guest: { name: "Dana Guest", locale: "en" } },
  });
  const { url } = await ask<{ url: string }>(tenant, `POST /v1/surveys/${id}/links`, { body: { channel: "none" } });
  return { id, externalRef, link: url };
}

/** What the tenant's server keeps between two runs. */
export interface Subscription {
  readonly webhookId: string;
  readonly secret: string;
  /** Place in the log up to which the tenant has read its events. */
  readonly readUntil: number;
}

/** The webhook of the last run, or a new one: its secret is shown only when it is made, so it is kept. */
export async function subscribe(tenant: Tenant, url: string): Promise<Subscription> {
  const { items } = await ask<{ items: readonly WebhookView[] }>(tenant, "GET /v1/webhooks");
  const kept = await keptSubscription(tenant);
  const known = items.find((webhook) => webhook.id === kept?.webhookId);
  if (kept !== undefined && known?.url === url && known.status === "enabled") return kept;
  const { id, secret } = await ask<NewWebhookView>(tenant, "POST /v1/webhooks", {
    body: { url, events: wantedEvents },
  });
  const subscription = { webhookId: id, secret, readUntil: 0 };
  await keepSubscription(tenant, subscription);
  return subscription;
}

export async function keepSubscription({ stack }: Tenant, subscription: Subscription): Promise<void> {
  await writeDurably(join(stack.dataDir, "demo.json"), JSON.stringify(subscription, null, 2));
}

async function keptSubscription({ stack }: Tenant): Promise<Subscription | undefined> {
  try {
    return JSON.parse((await textOf(join(stack.dataDir, "demo.json"))) ?? "") as Subscription;
  } catch {
    return undefined;
  }
}

/** The events behind that place in the log, and the place behind the last one. */
export async function eventsAfter(
  tenant: Tenant,
  after: number,
): Promise<{ readonly events: readonly EventView[]; readonly readUntil: number }> {
  const events: EventView[] = [];
  for (;;) {
    const page = await ask<{ items: readonly EventView[]; nextAfter: number; more: boolean }>(
      tenant,
      `GET /v1/events?after=${after}&limit=100`,
    );
    events.push(...page.items);
    after = page.nextAfter;
    if (!page.more) return { events, readUntil: after };
  }
}

const ended: readonly VideoView["state"][] = ["ready", "rejected", "quarantined", "processing_failed"];

/** Follows the video until its processing has ended. */
export async function watchVideo(
  tenant: Tenant,
  { surveyId, videoId }: { readonly surveyId: string; readonly videoId: string },
  onLook: (video: VideoView) => void,
): Promise<VideoView> {
  const beginsWithin = Date.now() + 60_000;
  for (;;) {
    const video = await ask<VideoView>(tenant, `GET /v1/surveys/${surveyId}/videos/${videoId}`);
    onLook(video);
    if (ended.includes(video.state)) return video;
    if (video.state === "uploaded" && Date.now() > beginsWithin)
      throw new LocalError("Processing has not begun within a minute: look at functions.log in the stack's folder.");
    await sleep(100);
  }
}

export async function play(tenant: Tenant, surveyId: string, videoId: string): Promise<Playback> {
  return await ask<Playback>(tenant, `POST /v1/surveys/${surveyId}/videos/${videoId}/playback`);
}

/** State of the survey, e.g. `submitted`. */
export async function surveyState(tenant: Tenant, surveyId: string): Promise<string> {
  const { state } = await ask<{ state: string }>(tenant, `GET /v1/surveys/${surveyId}`);
  return state;
}

/** The survey's events in the log, waited for until both wanted ones are there. */
export async function loggedEvents(
  tenant: Tenant,
  surveyId: string,
  after: number,
): Promise<{ readonly events: readonly EventView[]; readonly readUntil: number }> {
  return await until("the survey's events in the log", 10, async () => {
    const { events, readUntil } = await eventsAfter(tenant, after);
    const own = events.filter(
      ({ type, data }) => data["surveyId"] === surveyId && (wantedEvents as readonly string[]).includes(type),
    );
    return own.length >= wantedEvents.length ? { events: own, readUntil } : undefined;
  });
}
