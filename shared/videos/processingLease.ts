import { setTimeout as delay } from "node:timers/promises";
import { ulid } from "ulid";
import { now } from "../clock.ts";
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

/** How far the processing of a video is, 0..1. One point read. */
export async function progressOf(tenant: TenantScope, videoId: string): Promise<number> {
  const lease = await tenant.repository.find(leaseKind, leaseId(videoId));
  return lease?.progress ?? 0;
}

/**
 * The lease of a video as it stands once nobody is at work on it: who finds one that lives waits for its end, since its
 * owner may be dead; "busy" when it was renewed meanwhile.
 */
export async function freeLease(tenant: TenantScope, videoId: string): Promise<Entity<Lease> | undefined | "busy"> {
  const lease = await tenant.repository.find(leaseKind, leaseId(videoId));
  if (!isLive(lease)) return lease;
  const left = Date.parse(lease.until) - now().getTime();
  await delay(Math.max(0, Math.min(leaseMs, left)) + 50);
  const later = await tenant.repository.find(leaseKind, leaseId(videoId));
  return isLive(later) ? "busy" : later;
}

/** Whether somebody is at work under the lease. */
export function isLive(lease: Entity<Lease> | undefined): lease is Entity<Lease> {
  return lease !== undefined && lease.until > now().toISOString();
}

/** Begins an attempt on the video under a lease of its own; undefined where somebody else was quicker. */
export async function claim(
  tenant: TenantScope,
  video: Entity<Video>,
  free: Entity<Lease> | undefined,
): Promise<Work | undefined> {
  const id = leaseId(video.id);
  const attempts = video.attempts + 1;
  const fields: Lease = { subject: video.id, owner: ulid(), until: after(leaseMs), progress: 0 };
  const change = tenant.change().patch(
    videoKind,
    video,
    { state: "processing", attempts },
    {
      condition: { state: ["uploaded", "processing"], attempts: video.attempts },
    },
  );
  if (free === undefined) change.create(leaseKind, id, fields);
  else change.replace(leaseKind, free, fields);
  try {
    const committed = await change.commit({ target: video.id });
    const { at: updatedAt } = committed;
    const lease = { ...fields, id, createdAt: free?.createdAt ?? updatedAt, updatedAt, etag: committed.etag(id) };
    return new Work(tenant, { ...video, state: "processing", attempts }, lease);
  } catch (error) {
    if (isProblem(error, "stale") || isProblem(error, "conflict")) return undefined;
    throw error;
  }
}

/**
 * One attempt at a video. Its lease is renewed until {@link end}; its signal aborts when the lease is lost, or the attempt
 * has taken too long.
 */
export class Work {
  readonly tenant: TenantScope;
  readonly video: Entity<Video>;
  readonly #over = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #begun = now().getTime();
  #lease: Entity<Lease>;
  #progress = 0;
  #beating: Promise<void> = Promise.resolve();

  constructor(tenant: TenantScope, video: Entity<Video>, lease: Entity<Lease>) {
    this.tenant = tenant;
    this.video = video;
    this.#lease = lease;
    this.#timer = setInterval(() => {
      this.#beating = this.#beating.then(() => this.#beat());
    }, beatMs).unref();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
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
    const pauseMs = Math.min(leaseMs, 5_000 * 2 ** (this.video.attempts - 1));
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
