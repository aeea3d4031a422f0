import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { clientOf } from "../../local/cosmos/testSupport.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { Random } from "../certify/random.ts";
import { useStack } from "../support/stackUnderTest.ts";
import { type Aim, aimsOf } from "./aims.ts";
import { Guests, type Page, type Sent } from "./guests.ts";
import { type Instance, Instances, first } from "./instances.ts";
import { type Plan, plans, plansFor } from "./plans.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { settle, sweep } from "./settle.ts";
import type { Stage } from "./stages.ts";
import { tenantsFor } from "./tenants.ts";
import { statesOf } from "./verdict.ts";
import { Watch } from "./watch.ts";

export interface SimulationOptions {
  readonly seed: string;
  readonly kills: number;
  readonly videos: number;
  /** Folder of the built app. */
  readonly appDir: string;
  /** Time without progress after which what is not done is taken for lost. */
  readonly patienceMs: number;
  readonly onProgress?: (line: string) => void;
}

/** A kill: how its moment was chosen, and where the app was. `chance`: by the seed alone. */
export interface Kill {
  readonly aim: "stage" | "chance";
  readonly stage: Stage | "nothing";
}

export interface Report {
  readonly kills: readonly Kill[];
  /** Kills of one of two instances that were at work. */
  readonly ofTwo: number;
  /** Uploads that guests were told have arrived. */
  readonly accepted: number;
  /** All videos, those included, by the state that they ended in. */
  readonly states: Readonly<Record<string, number>>;
  /** Requests that webhooks came by, events in them, and requests that the receiver refused. */
  readonly webhooks: { readonly requests: number; readonly events: number; readonly refused: number };
  /** Calls of guests that were cut off, and answers of 500 and above. */
  readonly cutOff: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly violations: readonly string[];
}

/** A kill that has waited for its stage for so long takes the next chance. */
const aimMs = 20_000;

/**
 * Runs the app in processes of their own over a local Azure in this one, kills them again and again while guests send
 * videos, lets the sweep come, and says what is not as it must be.
 */
export async function simulate(options: SimulationOptions): Promise<Report> {
  const dataDir = await mkdtemp(join(tmpdir(), "callpilot-crash-"));
  try {
    return await inFolder(dataDir, options);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function inFolder(dataDir: string, options: SimulationOptions): Promise<Report> {
  using watch = new Watch();
  let instances: Instances | undefined;
  await using stack = await startStack({
    port: 0,
    dataDir,
    appDir: options.appDir,
    log: () => undefined,
    onDatabaseRequest: watch.database,
    startApp: async (host) => {
      const started = new Instances(host, dataDir);
      await mkdir(started.tempDir);
      host.onBlobCreated?.((blob) => {
        watch.blob(blob);
        started.tell(blob);
      });
      const { url, functions } = await started.start(first);
      instances = started;
      return { url, functions, close: () => started.stop() };
    },
  });
  if (instances === undefined) throw new Error("the app did not start");
  watch.follow(stack, instances.tempDir);
  useStack({ ...stack, operator: { email: stack.operatorEmail }, dataDir });
  return await new Simulation(stack, instances, watch, options).run();
}

class Simulation {
  readonly #stack: Stack;
  readonly #instances: Instances;
  readonly #watch: Watch;
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #guests: Guests;
  readonly #kills: Kill[] = [];
  readonly #violations: string[] = [];
  readonly #sending: Promise<Sent | undefined>[] = [];
  #ofTwo = 0;

  constructor(stack: Stack, instances: Instances, watch: Watch, options: SimulationOptions) {
    this.#stack = stack;
    this.#instances = instances;
    this.#watch = watch;
    this.#options = options;
    this.#random = new Random(options.seed);
    const apis = () => instances.living.map(({ url }) => url);
    this.#guests = new Guests({ apis, random: new Random(`${options.seed} guests`) });
  }

  async run(): Promise<Report> {
    const started = performance.now();
    await using receiver = await startReceiver(
      this.#stack.webhookReceiverUrl,
      new Random(`${this.#options.seed} receiver`),
    );
    const { kills, videos, onProgress } = this.#options;
    const tenants = await tenantsFor(videos, this.#stack.webhookReceiverUrl);
    const pages = tenants.flatMap((tenant) => tenant.pages);
    const aims = aimsOf(kills, this.#random);
    for (const [at, aim] of aims.entries()) {
      const due = Math.floor(((at + 1) * videos) / kills) - Math.floor((at * videos) / kills);
      for (let count = 0; count < due; count++) {
        const likely = count === 0 ? plansFor(aim.stage) : plans;
        this.#send(this.#one(pages), this.#one(likely));
      }
      await this.#disturb(aim);
      const { stage, aim: how } = await this.#strike(aim);
      onProgress?.(`kill ${at + 1}: ${stage} (${how}), ${Math.round((performance.now() - started) / 1000)} s`);
      await this.#goOn();
    }
    const sent = (await Promise.all(this.#sending)).filter((one) => one !== undefined);
    receiver.beKind();
    const remains = {
      ...this.#stack,
      tenants,
      sent,
      receiver,
      database: clientOf(this.#stack.cosmosUrl),
      tempDir: this.#instances.tempDir,
    };
    try {
      this.#violations.push(...(await settle(this.#instances, remains, this.#options.patienceMs)));
      const states = await statesOf(remains);
      const accepted = sent.filter(({ completed }) => completed).length;
      return this.#report(accepted, states, receiver, (performance.now() - started) / 1000);
    } finally {
      remains.database.dispose();
    }
  }

  #send(page: Page, plan: Plan): void {
    const sending = this.#guests.send(page, plan).catch((error: unknown) => {
      this.#violations.push(`a guest did not come through: ${String(error)}`);
      return undefined;
    });
    this.#sending.push(sending);
  }

  /** A second instance, a sweep, an event that comes again. */
  async #disturb({ stage, two }: Aim): Promise<void> {
    if (two && this.#instances.living.length === 1) await this.#instances.start("second");
    if (stage === "sweep" || this.#random.below(6) === 0) await sweep(this.#one(this.#instances.living));
    if (this.#watch.manifests.length > 0 && this.#random.below(3) === 0)
      this.#instances.tell(this.#one(this.#watch.manifests));
  }

  /** Kills at the stage, by chance, or by chance after the stage has not been come to. */
  async #strike(aim: Aim): Promise<Kill> {
    const { promise, resolve } = Promise.withResolvers<{ kill: Kill; victim: Instance }>();
    this.#watch.listen(({ stage, phase, port, pid }) => {
      if (aim.chance !== undefined || stage !== aim.stage || phase !== aim.phase || this.#watch.lastAttempt) return;
      const victim =
        port === undefined
          ? this.#instances.living.find((instance) => instance.pid === pid)
          : this.#instances.ownerOf(port);
      if (victim === undefined) return;
      victim.strike();
      this.#watch.listen(undefined);
      resolve({ kill: { aim: "stage", stage }, victim });
    });
    const chance = this.#byChance(aim.chance ?? aimMs, promise);
    const { kill, victim } = await Promise.race([promise, chance]);
    this.#watch.listen(undefined);
    await this.#bury(aim, victim);
    this.#kills.push(kill);
    return kill;
  }

  async #byChance(milliseconds: number, aimed: Promise<unknown>): Promise<{ kill: Kill; victim: Instance }> {
    const over = new AbortController();
    void aimed.then(() => {
      over.abort();
    });
    await delay(milliseconds, undefined, { signal: over.signal });
    while (this.#watch.lastAttempt) await delay(20, undefined, { signal: over.signal });
    over.signal.throwIfAborted();
    const victim = this.#one(this.#instances.living);
    victim.strike();
    return { kill: { aim: "chance", stage: this.#watch.last }, victim };
  }

  /** One of two is survived by the other; where one was meant, both die at once. */
  async #bury({ two }: Aim, victim: Instance): Promise<void> {
    if (two && this.#instances.living.length > 1) this.#ofTwo++;
    await Promise.all((two ? [victim] : this.#instances.living).map((instance) => this.#instances.kill(instance)));
    if (this.#instances.living.length > 0) return;
    const left = await this.#instances.toolsLeft();
    this.#violations.push(...left.map((command) => `a tool outlived its instance: ${command}`));
  }

  /** What died starts again. For a survivor it is as if it had stood still meanwhile, every second time. */
  async #goOn(): Promise<void> {
    if (this.#instances.living.length === 0 || this.#random.below(2) === 0) this.#instances.letLeasesEnd();
    if (!this.#instances.living.some(({ name }) => name === first)) await this.#instances.start(first);
  }

  #report(accepted: number, states: Record<string, number>, { received, refused }: Receiver, seconds: number): Report {
    return {
      accepted,
      kills: this.#kills,
      ofTwo: this.#ofTwo,
      states,
      webhooks: {
        requests: [...received.values()].reduce((sum, { times }) => sum + times, 0),
        events: received.size,
        refused: refused(),
      },
      cutOff: this.#guests.cutOff,
      failures: Object.fromEntries(this.#guests.failures),
      seconds,
      violations: this.#violations,
    };
  }

  #one<T>(items: readonly T[]): T {
    const item = items[this.#random.below(items.length)];
    if (item === undefined) throw new RangeError("there is none");
    return item;
  }
}
