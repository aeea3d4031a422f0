import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type Socket, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startClamd } from "../../local/clamd.ts";
import { eicar } from "../../local/eicar.ts";
import type { ClamdAddress } from "../config.ts";
import { ScanFailed, ScannerAway, scanWithClamd } from "./clamd.ts";

interface Daemon {
  readonly address: ClamdAddress;
  readonly close: () => Promise<void>;
}

const megabyte = 2 ** 20;
const maxBytes = 4 * megabyte;

async function localDaemon(): Promise<Daemon> {
  const { address, close } = await startClamd({ maxBytes });
  return { address: { host: "127.0.0.1", port: Number(address.split(":")[1]) }, close };
}

const program = "/usr/sbin/clamd";

/** ClamAV's own daemon, where it is installed, with one signature of ours: no database is downloaded. */
async function clamavDaemon(): Promise<Daemon> {
  const dir = await mkdtemp(join(tmpdir(), "callpilot-clamd-"));
  await mkdir(join(dir, "db"));
  // Extended signatures: name, type of file (any), offset (any), bytes in hex.
  await writeFile(join(dir, "db", "test.ndb"), `Eicar-Test:0:*:${Buffer.from(eicar).toString("hex")}\n`);
  const settings = {
    LocalSocket: join(dir, "socket"),
    DatabaseDirectory: join(dir, "db"),
    Foreground: "yes",
    StreamMaxLength: maxBytes,
    MaxFileSize: 3 * megabyte,
    AlertExceedsMax: "yes",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  await writeFile(join(dir, "clamd.conf"), lines.join("\n"));
  const child: ChildProcess = spawn(program, ["-c", join(dir, "clamd.conf")], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  while (!existsSync(settings.LocalSocket)) {
    if (child.exitCode !== null) throw new Error(`clamd ended with ${child.exitCode}`);
    await delay(50);
  }
  return {
    address: { path: settings.LocalSocket },
    close: async () => {
      child.kill();
      await ended;
      await rm(dir, { recursive: true });
    },
  };
}

const daemons: [name: string, start: () => Promise<Daemon>][] = [["the local daemon", localDaemon]];
if (existsSync(program)) daemons.push(["ClamAV's daemon", clamavDaemon]);

/** What a download brings: chunks of this size, cut wherever they are. */
function stream(content: Buffer, chunk = 60_000): Readable {
  const chunks = Array.from({ length: Math.ceil(content.length / chunk) }, (_, at) =>
    content.subarray(at * chunk, (at + 1) * chunk),
  );
  return Readable.from(chunks);
}

const clean = Buffer.alloc(megabyte, "video");
const infected = Buffer.concat([clean, Buffer.from(eicar), clean]);

describe.each(daemons)("%s", (_name, start) => {
  let daemon: Daemon;
  beforeAll(async () => {
    daemon = await start();
  });
  afterAll(() => daemon.close());

  it("finds nothing in a clean file, nor in an empty one", async () => {
    expect(await scanWithClamd(stream(clean), daemon.address)).toEqual({ clean: true });
    expect(await scanWithClamd(stream(Buffer.alloc(0)), daemon.address)).toEqual({ clean: true });
  });

  it("names what it finds, wherever it is cut", async () => {
    for (const chunk of [60_000, 1_048_590, infected.length])
      expect(await scanWithClamd(stream(infected, chunk), daemon.address)).toEqual({
        clean: false,
        signature: expect.stringContaining("Eicar-Test") as unknown,
      });
  });

  it("calls nothing clean that it does not look at whole", async () => {
    const larger = stream(Buffer.alloc(3 * maxBytes));
    await expect(scanWithClamd(larger, daemon.address)).rejects.toThrow();
  });
});

if (existsSync(program))
  it("takes ClamAV's word that a file was too large to be looked at for no finding", async () => {
    const daemon = await clamavDaemon();
    const scan = scanWithClamd(stream(Buffer.alloc(3 * megabyte + 1)), daemon.address);
    await expect(scan).rejects.toThrow("Heuristics.Limits.Exceeded");
    await daemon.close();
  });

/** A daemon that says this to whoever calls, whatever they send, and hangs up. */
async function answering(text: string): Promise<Daemon> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.resume().end(text);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

it.each([
  "",
  "stream: OK",
  "INSTREAM size limit exceeded. ERROR\0",
  "stream: Can't allocate memory ERROR\0",
  "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
  "OK\0",
  "x".repeat(10_000),
])("an answer that is not understood is neither clean nor malware: %j", async (text) => {
  const daemon = await answering(text);
  await expect(scanWithClamd(stream(Buffer.alloc(100)), daemon.address)).rejects.toThrow(ScanFailed);
  await daemon.close();
});

it("a daemon that nobody reaches is away", async () => {
  const daemon = await answering("");
  await daemon.close();
  await expect(scanWithClamd(stream(clean), daemon.address)).rejects.toThrow(ScannerAway);
  await expect(scanWithClamd(stream(clean), { path: "/nowhere/clamd" })).rejects.toThrow(ScannerAway);
});

it("a stream that breaks is no finding, and neither is work that ends", async () => {
  const { address, close } = await startClamd();
  const daemon = { host: "127.0.0.1", port: Number(address.split(":")[1]) };
  const broken = new Readable({
    read() {
      this.destroy(new Error("the download broke"));
    },
  });
  await expect(scanWithClamd(broken, daemon)).rejects.toThrow("the download broke");
  const lost = new AbortController();
  const endless = new Readable({ read: () => undefined, signal: lost.signal });
  const scan = scanWithClamd(endless, daemon, lost.signal);
  lost.abort(new Error("the lease is lost"));
  await expect(scan).rejects.toThrow();
  await close();
});
