import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type TestApp, runApp } from "../../local/host/testing/app.ts";
import { setClockAhead } from "../../local/host/testing/clock.ts";
import type { BlobCreated } from "../../local/host/blob.ts";
import type { HostOptions } from "../../local/host/host.ts";

/** A process that runs the whole app: the API and every trigger. */
export interface Instance extends TestApp {
  readonly name: string;
  /** SIGKILL to the process alone, at once. */
  readonly strike: () => void;
}

/** Later than the end of any lease: 60 s of a video's, 30 s of a message's, 60 s of the change feed's. */
const leaseMs = 61_000;

/**
 * The app's instances, over the local Azure of this process. All have one clock, which stands still for nobody: while an
 * instance is down, it is set ahead behind the end of the leases that the dead one held.
 */
export class Instances {
  readonly #options: Pick<HostOptions, "appDir" | "port">;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #ca: string;
  readonly #living = new Map<string, Instance>();
  /** Folder for the temporary files of all instances. */
  readonly tempDir: string;
  aheadMs = 0;
  starts = 0;
  /** What instances wrote past their log. */
  noise = "";

  constructor({ appDir, port, env }: HostOptions, dataDir: string) {
    this.#options = { appDir, port };
    this.tempDir = join(dataDir, "tmp");
    this.#ca = join(dataDir, "certificates", "ca.pem");
    this.#settings = {
      ...(Object.fromEntries(
        Object.entries(env).filter(([name, value]) => value !== undefined && !/^(?:NODE|VITEST)/u.test(name)),
      ) as Record<string, string>),
      TMPDIR: this.tempDir,
    };
  }

  get living(): readonly Instance[] {
    return [...this.#living.values()];
  }

  /** Starts the instance of that name, the first one on the port of the API; of another build where its folder is given. */
  async start(name: string, appDir = this.#options.appDir): Promise<Instance> {
    const options = {
      ...this.#options,
      appDir,
      ...(name !== first && { port: 0 }),
      ca: this.#ca,
      instance: name,
      blobScan: 5_000,
      clockAhead: this.aheadMs,
    };
    const app = await runApp(options, this.#settings);
    const strike = () => {
      process.kill(app.pid, "SIGKILL");
    };
    const instance: Instance = { ...app, name, strike };
    this.#living.set(name, instance);
    this.starts++;
    return instance;
  }

  /** Kills what may be struck already, and waits for its end. */
  async kill(instance: Instance): Promise<void> {
    this.#living.delete(instance.name);
    await instance.kill();
    this.noise += instance.noise();
  }

  setAhead(milliseconds: number): void {
    this.aheadMs += milliseconds;
    setClockAhead(this.aheadMs);
    for (const instance of this.living) instance.send({ clockAhead: this.aheadMs });
  }

  letLeasesEnd(): void {
    this.setAhead(leaseMs);
  }

  tell(blob: BlobCreated): void {
    for (const instance of this.living) instance.send({ blob });
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.living.map(async (instance) => {
        await instance.stop();
        this.noise += instance.noise();
      }),
    );
    this.#living.clear();
  }

  /** The living instance that a connection comes from, by its port; undefined for anybody else. proc_net(5). */
  ownerOf(port: number): Instance | undefined {
    const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    const line = readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((text) => text.trim().split(/\s+/u))
      .find(([, local]) => local === address);
    const socket = `socket:[${line?.[9] ?? ""}]`;
    return this.living.find(({ pid }) => openFiles(pid).includes(socket));
  }

  /** Processes that work in the instances' temporary files: tools. */
  async tools(): Promise<readonly string[]> {
    const processes = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
    const folders = await Promise.all(
      processes.map(async (pid) => {
        const folder = await readlink(`/proc/${pid}/cwd`).catch(() => "");
        if (!folder.startsWith(this.tempDir)) return [];
        const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        return command === "" ? [] : [command.replaceAll("\0", " ").slice(0, 80)];
      }),
    );
    return folders.flat();
  }

  /** What is still at work a second after the last instance has died. */
  async toolsLeft(): Promise<readonly string[]> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const left = await this.tools();
      if (left.length === 0) return [];
      await delay(50);
    }
    return await this.tools();
  }
}

export const first = "first";

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
  } catch {
    return [];
  }
}
