import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { clientOf } from "../../local/cosmos/testSupport.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { Random } from "../certify/random.ts";
import type { Page, Sent } from "../crash/guests.ts";
import { type Instance, Instances } from "../crash/instances.ts";
import { plans } from "../crash/plans.ts";
import { startReceiver } from "../crash/receiver.ts";
import { settle } from "../crash/settle.ts";
import { type Stage, stages } from "../crash/stages.ts";
import { type TenantUnderLoad, tenantsFor } from "../crash/tenants.ts";
import { type Remains, documentsOf, statesOf } from "../crash/verdict.ts";
import { Watch } from "../crash/watch.ts";
import { useStack } from "../support/stackUnderTest.ts";
import { type BuildName, type BuildOptions, type Builds, buildBoth } from "./builds.ts";
import { Clients } from "./clients.ts";
import { type Front, startFront } from "./front.ts";

export interface SwapOptions extends BuildOptions {
  readonly seed: string;
  /** The first one goes to the next release, the second one back, and so on. */
  readonly swaps: number;
  readonly videos: number;
  /** For how long clients try, and time without progress after which what is not done is taken for lost. */
  readonly patienceMs: number;
  readonly onProgress?: (line: string) => void;
}

export interface Swap {
  readonly to: BuildName;
  /** Where the old build was when it was killed. */
  readonly killedAt: Stage | "nothing";
  /** Queue messages that each build consumed while both were at work. */
  readonly consumed: Readonly<Record<BuildName, number>>;
}

export interface SwapReport {
  readonly swaps: readonly Swap[];
  /** Uploads that guests were told have arrived. */
  readonly accepted: number;
  /** All videos by the state that they ended in. */
  readonly states: Readonly<Record<string, number>>;
  /** Stored documents by the version of their schema. */
  readonly versions: Readonly<Record<number, number>>;
  readonly requests: number;
  /** Requests that were cut off, and answers of 500 and above: each was tried again. */
  readonly cutOff: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly violations: readonly string[];
}

/** For so long the old build is waited for to be where it is to be killed; then for any work, then it dies idle. */
const [aimMs, idleMs] = [3_000, 10_000];
const processing = stages.slice(stages.indexOf("claim"), stages.indexOf("record the outcome") + 1);
/** What guests send: all that ends by itself. */
const sendable = plans.filter(
  ({ cancel, abandon, wrongHash }) => cancel === undefined && abandon !== true && wrongHash !== true,
);

/**
 * Swaps two builds of the app over one local Azure, there and back, as slots are swapped: both consume for a while, then
 * requests go to the new one, then the old one is killed in the midst of its work. Meanwhile guests send and members read.
 */
export async function simulateSwaps(options: SwapOptions): Promise<SwapReport> {
  const dataDir = await mkdtemp(join(tmpdir(), "callpilot-swap-"));
  try {
    return await inFolder(dataDir, options);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function inFolder(dataDir: string, options: SwapOptions): Promise<SwapReport> {
  const builds = await buildBoth(join(dataDir, "builds"), options);
  using watch = new Watch();
  let production: Production | undefined;
  await using stack = await startStack({
    port: 0,
    dataDir,
    appDir: builds.previous,
    log: () => undefined,
    onDatabaseRequest: watch.database,
    startApp: async (host) => {
      const instances = new Instances(host, dataDir);
      await mkdir(instances.tempDir);
      host.onBlobCreated?.((blob) => {
        instances.tell(blob);
      });
      const front = await startFront(host.port);
      const live = await instances.start("previous 0", builds.previous);
      front.switchTo(live.url);
      production = { builds, instances, front, live, build: "previous" };
      const close = async () => {
        await instances.stop();
        await front[Symbol.asyncDispose]();
      };
      return { url: `http://localhost:${host.port}`, functions: live.functions, close };
    },
  });
  if (production === undefined) throw new Error("the app did not start");
  watch.follow(stack, production.instances.tempDir);
  useStack({ ...stack, operator: { email: stack.operatorEmail }, dataDir });
  return await new SwapSimulation(stack, production, watch, options).run();
}

/** What is live, and how another build comes to be. */
interface Production {
  readonly builds: Builds;
  readonly instances: Instances;
  readonly front: Front;
  live: Instance;
  build: BuildName;
}

class SwapSimulation {
  readonly #stack: Stack;
  readonly #production: Production;
  readonly #watch: Watch;
  readonly #options: SwapOptions;
  readonly #random: Random;
  readonly #clients: Clients;
  readonly #violations: string[] = [];
  readonly #sending: Promise<(Sent & Pick<Page, "surveyId">) | undefined>[] = [];
  #pages: readonly Page[] = [];

  constructor(stack: Stack, production: Production, watch: Watch, options: SwapOptions) {
    this.#stack = stack;
    this.#production = production;
    this.#watch = watch;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#clients = new Clients(options.patienceMs);
  }

  async run(): Promise<SwapReport> {
    const started = performance.now();
    const { seed, videos, onProgress } = this.#options;
    await using receiver = await startReceiver(this.#stack.webhookReceiverUrl, new Random(`${seed} receiver`));
    const tenants = await tenantsFor(videos, this.#stack.webhookReceiverUrl);
    this.#pages = tenants.flatMap(({ pages }) => pages);
    const closing = new AbortController();
    const reading = tenants.map((tenant) => this.#keepReading(tenant, closing.signal));
    const swaps: Swap[] = [];
    while (swaps.length < this.#options.swaps) {
      const swap = await this.#swap(swaps.length);
      swaps.push(swap);
      onProgress?.(`swap ${swaps.length} to ${swap.to}: the old build died at "${swap.killedAt}"`);
    }
    const sent = (await Promise.all(this.#sending)).filter((one) => one !== undefined);
    closing.abort();
    await Promise.all(reading);
    for (const tenant of tenants) await this.#tried("a member", () => this.#clients.readVideos(tenant, sent));
    receiver.beKind();
    const { states, versions } = await this.#remains({ ...this.#stack, tenants, sent, receiver });
    return {
      swaps,
      accepted: sent.length,
      states,
      versions,
      requests: this.#clients.requests,
      cutOff: this.#clients.cutOff,
      failures: Object.fromEntries(this.#clients.failures),
      seconds: (performance.now() - started) / 1000,
      violations: this.#violations,
    };
  }

  /** Lets everything come to rest and looks at what is there. */
  async #remains(of: Omit<Remains, "database" | "tempDir">) {
    const { instances } = this.#production;
    const database = clientOf(this.#stack.cosmosUrl);
    try {
      const remains = { ...of, database, tempDir: instances.tempDir };
      this.#violations.push(...(await settle(instances, remains, this.#options.patienceMs)));
      const versions = await versionsOf(remains);
      for (const version of [1, 2])
        if (versions[version] === undefined) this.#violations.push(`nothing of version ${version} was ever written`);
      return { states: await statesOf(remains), versions };
    } finally {
      database.dispose();
    }
  }

  async #swap(at: number): Promise<Swap> {
    const { builds, instances, front, live: old } = this.#production;
    const { videos, swaps } = this.#options;
    const due = Math.floor(((at + 1) * videos) / swaps) - Math.floor((at * videos) / swaps);
    const part = Math.ceil(due / 3);
    const to = this.#production.build === "previous" ? "next" : "previous";
    this.#send(Math.min(part, due));
    const before = consumedBy(old);
    // The slot has production's settings from here on: its triggers run beside the old build's.
    const fresh = await instances.start(`${to} ${at + 1}`, builds[to]);
    await warm(fresh);
    this.#send(Math.min(part, due - part));
    await delay(1_000 + this.#random.below(2_000));
    const both = { [to]: consumedBy(fresh), [this.#production.build]: consumedBy(old) - before };
    this.#send(Math.max(0, due - 2 * part));
    const striking = this.#strike(old);
    front.switchTo(fresh.url);
    const killedAt = await striking;
    await instances.kill(old);
    // What the dead build had leased is free again.
    instances.letLeasesEnd();
    Object.assign(this.#production, { live: fresh, build: to });
    return { to, killedAt, consumed: both as Record<BuildName, number> };
  }

  /** Kills the old build, every second time while it processes a video, if it comes to that. */
  async #strike(old: Instance): Promise<Stage | "nothing"> {
    const aims: readonly Stage[] = this.#random.below(2) === 0 ? processing : stages;
    const { promise, resolve } = Promise.withResolvers<Stage | "nothing">();
    const started = performance.now();
    const idle = setTimeout(() => {
      resolve("nothing");
    }, idleMs);
    this.#watch.listen(({ stage, port, pid }) => {
      if (this.#watch.lastAttempt) return;
      if (!aims.includes(stage) && performance.now() - started < aimMs) return;
      const mine = port === undefined ? pid === old.pid : this.#production.instances.ownerOf(port) === old;
      if (!mine) return;
      this.#watch.listen(undefined);
      old.strike();
      resolve(stage);
    });
    const stage = await promise;
    clearTimeout(idle);
    this.#watch.listen(undefined);
    return stage;
  }

  #send(count: number): void {
    for (let sent = 0; sent < count; sent++) {
      const [page, plan] = [this.#one(this.#pages), this.#one(sendable)];
      const sending = this.#tried("a guest", async () => ({
        ...(await this.#clients.send(page, plan)),
        surveyId: page.surveyId,
      }));
      this.#sending.push(sending);
    }
  }

  async #keepReading(tenant: TenantUnderLoad, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#tried("a member", () => this.#clients.read(tenant));
      await delay(200);
    }
  }

  /** A failure beyond all retries is a violation. */
  async #tried<T>(who: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#violations.push(`${who} did not come through: ${String(error)}`);
      return undefined;
    }
  }

  #one<T>(items: readonly T[]): T {
    const item = items[this.#random.below(items.length)];
    if (item === undefined) throw new RangeError("there is none");
    return item;
  }
}

/** The ping that a slot has to answer with 200 before it is swapped. */
async function warm({ url }: Instance): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = await fetch(`${url}/health/ready`);
    if (answer.status === 200) return;
    await delay(200);
  }
  throw new Error("the slot does not get ready");
}

/** Messages that the instance is done with. */
function consumedBy({ lines }: Instance): number {
  return lines.filter(({ message }) => message.includes('"event":"message"')).length;
}

async function versionsOf({ database, tenants }: Pick<Remains, "database" | "tenants">) {
  const versions: Record<number, number> = {};
  for (const { id } of tenants) {
    const documents = await documentsOf<{ schemaVersion: number }>(database, "data", id, id);
    for (const { schemaVersion } of documents) versions[schemaVersion] = (versions[schemaVersion] ?? 0) + 1;
  }
  return versions;
}
