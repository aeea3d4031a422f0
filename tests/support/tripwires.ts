import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listen, stop } from "../../local/service.ts";
import type { Targets } from "./attacks/attacks.ts";

/** What stands in the file, should anybody read it. */
export const fileSecret = "content-of-another-file";

/**
 * A server and a file that nobody has any business with. The file is a pipe: whoever opens it for reading, and only that,
 * lets the one go on that waits to write into it.
 */
export class Tripwires implements AsyncDisposable {
  /** Holds the file; others may be put beside it. */
  readonly folder: string;
  readonly targets: Targets;
  readonly #server: Server;
  #hits = 0;
  #writer: ChildProcess;

  private constructor(folder: string, server: Server, port: number) {
    this.folder = folder;
    this.targets = { url: `http://127.0.0.1:${port}`, file: join(folder, "canary.ts") };
    this.#server = server;
    server.on("request", (_, response) => {
      this.#hits += 1;
      response.writeHead(404).end();
    });
    spawnSync("mkfifo", [this.targets.file]);
    this.#writer = this.#wait();
  }

  static async lay(): Promise<Tripwires> {
    const server = createServer();
    const port = await listen(server, 0, "canary");
    return new Tripwires(await mkdtemp(join(tmpdir(), "callpilot-tripwires-")), server, port);
  }

  /** Which of the targets somebody has opened since it was asked last. */
  async tripped(): Promise<readonly (keyof Targets)[]> {
    // The writer goes on a moment after somebody has read.
    for (let wait = 0; wait < 5 && this.#writer.exitCode === null; wait++) await sleep(20);
    const opened = this.#writer.exitCode !== null;
    const asked = this.#hits > 0;
    this.#hits = 0;
    if (opened) this.#writer = this.#wait();
    return [...(asked ? (["url"] as const) : []), ...(opened ? (["file"] as const) : [])];
  }

  #wait(): ChildProcess {
    return spawn("/bin/sh", ["-c", 'printf %s "$2" > "$1"', "sh", this.targets.file, fileSecret], { stdio: "ignore" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#writer.kill("SIGKILL");
    this.#server.closeAllConnections();
    await stop(this.#server);
    await rm(this.folder, { recursive: true, force: true });
  }
}
