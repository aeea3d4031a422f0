import { setTimeout as delay } from "node:timers/promises";
import { ulid } from "ulid";
import { now } from "../clock.ts";
import type { Condition } from "../tenancy/change.ts";
import type { Entity } from "../tenancy/kind.ts";
import { type Lease, LeaseLost, leaseId, leaseKind, ownLease, renewLease } from "../tenancy/lease.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { isProblem } from "../web/problem.ts";
import { type Video, videoKind } from "./video.ts";

/** A worker that stopped renewing for so long is dead. */
const leaseMs = 60_000;
const beatMs = 5_000;
const renewMs = 20_000;
/**
 * An attempt ends by then, whatever it is at. At `functionTimeout` (host.json) the host would end this process, with all
 * else that is at work in it.
 */
const longestMs = 3.75 * 3_600_000;

/** What is done to a video by one worker at a time, under a lease of its own. */
export interface Step {
  /** What its lease is on. */
  readonly subject: (videoId: string) => string;
  /** The field that counts how often it began. */
  readonly attempts: "attempts" | "analysisAttempts";
  /** What must hold of the video for the step to begin. */
  readonly from: Condition;
  /** What the video is from then on. */
  readonly begun: Partial<Video>;
  /** What holds until the step has ended: nothing else ends it. */
  readonly during: Condition;
}

/** From the upload to a video that can be played. */
export const processing: Step = {
  subject: (videoId) => videoId,
  attempts: "attempts",
  from: { state: ["uploaded", "processing"] },
  begun: { state: "processing" },
  during: { state: "processing" },
};

/** What follows `ready` without holding it back. */
export const analysis: Step = {
  subject: (videoId) => `${videoId}-analysis`,
  attempts: "analysisAttempts",
  from: { state: "ready", analysisState: "waiting" },
  begun: {},
  during: { state: "ready", analysisState: "waiting" },
};

/** How far the processing of a video is, 0..1. One point read. */
export async function progressOf(tenant: TenantScope, videoId: string): Promise<number> {
  const lease = await leaseOf(tenant, processing, videoId);
  return lease?.progress ?? 0;
}

/** Whether somebody is at work on that step of the video. One point read. */
export function isAtWork(tenant: TenantScope, step: Step, videoId: string): Promise<boolean> {
  return leaseOf(tenant, step, videoId).then(isLive);
}

/**
 * The lease of a step as it stands once nobody is at work on it: who finds one that lives waits for its end, since its
 * owner may be dead; "busy" when it was renewed meanwhile.
 */
export async function freeLease(
  tenant: TenantScope,
  step: Step,
  videoId: string,
): Promise<Entity<Lease> | undefined | "busy"> {
  const lease = await leaseOf(tenant, step, videoId);
  if (!isLive(lease)) return lease;
  const left = Date.parse(lease.until) - now().getTime();
  await delay(Math.max(0, Math.min(leaseMs, left)) + 50);
  const later = await leaseOf(tenant, step, videoId);
  return isLive(later) ? "busy" : later;
}

function leaseOf(tenant: TenantScope, step: Step, videoId: string): Promise<Entity<Lease> | undefined> {
  return tenant.repository.find(leaseKind, leaseId(step.subject(videoId)));
}

/** Whether somebody is at work under the lease. */
function isLive(lease: Entity<Lease> | undefined): lease is Entity<Lease> {
  return lease !== undefined && lease.until > now().toISOString();
}

/** Begins an attempt at a step of the video under the lease; undefined where somebody else was quicker. */
export async function claim(
  tenant: TenantScope,
  step: Step,
  video: Entity<Video>,
  free: Entity<Lease> | undefined,
): Promise<Work | undefined> {
  const subject = step.subject(video.id);
  const id = leaseId(subject);
  const before = video[step.attempts] ?? 0;
  const begun = { ...step.begun, [step.attempts]: before + 1 };
  const fields: Lease = { subject, owner: ulid(), until: after(leaseMs), progress: 0 };
  const change = tenant
    .change()
    .patch(videoKind, video, begun, { condition: { ...step.from, [step.attempts]: before } });
  if (free === undefined) change.create(leaseKind, id, fields);
  else change.replace(leaseKind, free, fields);
  try {
    const committed = await change.commit({ target: video.id });
    const { at: updatedAt } = committed;
    const lease = { ...fields, id, createdAt: free?.createdAt ?? updatedAt, updatedAt, etag: committed.etag(id) };
    return new Work(tenant, step, { ...video, ...begun }, lease);
  } catch (error) {
    if (isProblem(error, "stale") || isProblem(error, "conflict")) return undefined;
    throw error;
  }
}

/**
 * One attempt at a step. Its lease is renewed until {@link end}; its signal aborts when the lease is lost, or the attempt
 * has taken too long.
 */
export class Work {
  readonly tenant: TenantScope;
  readonly step: Step;
  readonly video: Entity<Video>;
  readonly #over = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #begun = now().getTime();
  #lease: Entity<Lease>;
  #progress = 0;
  #beating: Promise<void> = Promise.resolve();

  constructor(tenant: TenantScope, step: Step, video: Entity<Video>, lease: Entity<Lease>) {
    this.tenant = tenant;
    this.step = step;
    this.video = video;
    this.#lease = lease;
    this.#timer = setInterval(() => {
      this.#beating = this.#beating.then(() => this.#beat());
    }, beatMs).unref();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** What the lease is on. */
  get subject(): string {
    return this.#lease.subject;
  }

  /** Which attempt this is, from 1. */
  get attempt(): number {
    return this.video[this.step.attempts] ?? 1;
  }

  /** Whether somebody else is at work on it. One point read. */
  async isTaken(): Promise<boolean> {
    const lease = await leaseOf(this.tenant, this.step, this.video.id);
    return isLive(lease) && lease.owner !== this.#lease.owner;
  }

  /** Tells how far the work is, 0..1; stored with the next renewal. */
  report(progress: number): void {
    this.#progress = Math.min(1, Math.max(this.#progress, progress));
  }

  /** Stops renewing. The lease, for the change that ends it. Throws LeaseLost. */
  async end(): Promise<Entity<Lease>> {
    clearInterval(this.#timer);
    await this.#beating;
    return await ownLease(this.tenant, this.#lease);
  }

  /** Stops renewing and lets nobody try again for a while: the longer, the more attempts there were. */
  async rest(): Promise<void> {
    const lease = await this.end();
    const pauseMs = Math.min(leaseMs, 5_000 * 2 ** (this.attempt - 1));
    await renewLease(this.tenant, lease, { until: after(pauseMs), progress: 0 });
  }

  async #beat(): Promise<void> {
    const age = now().getTime() - Date.parse(this.#lease.updatedAt);
    if (now().getTime() - this.#begun > longestMs) this.#over.abort(new Error("the attempt took too long"));
    if (this.signal.reason instanceof LeaseLost || (age < renewMs && this.#progress - this.#lease.progress < 0.01))
      return;
    try {
      this.#lease = await renewLease(this.tenant, this.#lease, { until: after(leaseMs), progress: this.#progress });
    } catch (error) {
      // The next beat may reach the database again; after the lease's end another may be at work.
      if (!(error instanceof LeaseLost) && isLive(this.#lease)) return;
      clearInterval(this.#timer);
      this.#over.abort(new LeaseLost("The lease has ended."));
    }
  }
}

function after(milliseconds: number): string {
  return new Date(now().getTime() + milliseconds).toISOString();
}
