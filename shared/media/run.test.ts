import { execFile, spawn } from "node:child_process";
import { globSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { confinement, strongest } from "./confinement.ts";
import { type ProcessLimits, progressOf, run, type RunOptions } from "./run.ts";

const limits: ProcessLimits = {
  wallSeconds: 20,
  cpuSeconds: 10,
  memoryBytes: 1024 ** 3,
  fileBytes: 1024 ** 2,
  openFiles: 64,
};

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "callpilot-run-"));
});
afterAll(() => rm(cwd, { recursive: true }));

function shell(script: string, options: Partial<RunOptions> = {}): Promise<string> {
  return run("/bin/sh", ["-c", script], { cwd, limits, ...options });
}

/** Processes of this machine whose command line has the text: their ids. A confined tool has others for itself. */
function processesWith(text: string): string[] {
  return globSync("/proc/[0-9]*/cmdline").filter((file) => {
    try {
      return readFileSync(file, "latin1").split("\0").includes(text);
    } catch {
      return false;
    }
  });
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error("it did not come to hold within 10 s");
    await sleep(20);
  }
}

let sleepers = 0;
/** A length of sleep that no other process of this machine sleeps. */
const oddSleep = () => `60.${process.pid}${sleepers++}`;

test("a tool sees its folder, no environment of ours, no input, and its arguments to the letter", async () => {
  expect((await shell("pwd")).trim()).toBe(cwd);
  const environment = await run("/usr/bin/env", [], { cwd, limits });
  expect(environment.split("\n").filter((line) => line !== "" && line !== `PWD=${cwd}`)).toEqual([]);
  expect(await shell("cat")).toBe("");
  const awkward = "a b; $(touch planted) 'quoted' \"twice\" *";
  expect(await run("/bin/echo", [awkward], { cwd, limits })).toBe(`${awkward}\n`);
});

test("every limit is set in the process itself", async () => {
  expect(await shell('echo "$(ulimit -t) $(ulimit -v) $(ulimit -f) $(ulimit -n) $(ulimit -c)"')).toBe(
    `10 ${1024 ** 2} 2048 64 0\n`,
  );
});

test("CPU seconds and file size end a run as a lack of resources, not as a fault of the input", async () => {
  const tight = { ...limits, cpuSeconds: 1 };
  await expect(shell("while :; do :; done", { limits: tight })).rejects.toMatchObject({ reason: "resources" });
  const writing = run("/bin/dd", ["if=/dev/zero", "of=large", "bs=1M", "count=9"], { cwd, limits });
  await expect(writing).rejects.toMatchObject({ reason: "resources" });
  expect((await stat(join(cwd, "large"))).size).toBeLessThanOrEqual(limits.fileBytes);
});

test("the wall clock ends the whole group", async () => {
  const odd = oddSleep();
  const running = shell(`sleep ${odd} & wait`, { limits: { ...limits, wallSeconds: 1 } });
  await expect(running).rejects.toMatchObject({ name: "ToolFailure", reason: "timeout" });
  await until(() => processesWith(odd).length === 0);
});

test("an abort ends the whole group with the signal's reason", async () => {
  const abort = new AbortController();
  const reason = new Error("lease lost");
  const odd = oddSleep();
  const running = shell(`sleep ${odd} & wait`, { signal: abort.signal });
  await until(() => processesWith(odd).length > 0);
  abort.abort(reason);
  await expect(running).rejects.toBe(reason);
  await until(() => processesWith(odd).length === 0);
  await expect(shell("true", { signal: abort.signal })).rejects.toBe(reason);
});

test("what a tool leaves running goes with it, though it ended well and whatever holds its output open", async () => {
  const [attached, detached] = [oddSleep(), oddSleep()];
  expect(await shell(`sleep ${attached} & sleep ${detached} >/dev/null 2>&1 & echo done`)).toBe("done\n");
  await until(() => processesWith(attached).length + processesWith(detached).length === 0);
});

test("a tool and what it has started do not outlive an app that is killed", async () => {
  const odd = oddSleep();
  const script = `trap '' PIPE; sleep ${odd} & while :; do echo busy; done`;
  const code = `
    import { run } from ${JSON.stringify(join(import.meta.dirname, "run.ts"))};
    await run("/bin/sh", ["-c", ${JSON.stringify(script)}], ${JSON.stringify({ cwd, limits })});
  `;
  const app = spawn(process.execPath, ["--input-type=module", "--eval", code], { stdio: "ignore" });
  await until(() => processesWith(odd).length > 0);
  app.kill("SIGKILL");
  await until(() => processesWith(odd).length + processesWith(script).length === 0);
});

/** What the handles of this process lead to. */
const handles = () =>
  globSync("/proc/self/fd/*").map((handle) => {
    try {
      return readlinkSync(handle);
    } catch {
      return "";
    }
  });

test("nothing that we have opened is open in a tool, and its input is empty", async () => {
  const before = handles();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await using file = await open(import.meta.filename);
  const opened = handles().filter((handle) => !before.includes(handle));
  expect(opened).toContain(import.meta.filename);
  expect(opened.filter((handle) => handle.startsWith("socket:"))).toHaveLength(1);
  const listing = await run("/bin/ls", ["-l", "/proc/self/fd"], { cwd, limits });
  server.close();
  await file.close();
  expect(opened.filter((handle) => listing.includes(handle))).toEqual([]);
  expect(listing).toContain(" 0 -> /dev/null\n");
});

test("a secret in our environment is not in a tool's, neither at its start nor later", async () => {
  const secret = `not-for-tools-${process.pid}`;
  process.env["CALLPILOT_SECRET_FOR_TESTS"] = secret;
  try {
    expect(await shell("tr '\\0' '\\n' < /proc/$$/environ; env")).not.toContain(secret);
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", "tr '\\0' '\\n' < /proc/$$/environ"]);
    expect(stdout, "a process that is started in the usual way has it").toContain(secret);
  } finally {
    delete process.env["CALLPILOT_SECRET_FOR_TESTS"];
  }
});

test("a tool gains no rights, and keeps none of root's", async () => {
  const { command } = await confinement();
  const status = await shell("cat /proc/self/status");
  expect(command[0] === "/usr/bin/env" || /^NoNewPrivs:\s*1$/mu.test(status)).toBe(true);
  expect(!command.includes("--bounding-set=-all") || /^CapEff:\s*0+$/mu.test(status)).toBe(true);
});

test("a confinement that fails for a moment is not given up for a weaker one", async () => {
  const marker = join(cwd, "tried");
  const once = ["/bin/sh", "-c", `[ -e ${marker} ] || { touch ${marker}; exit 1; }`] as const;
  const [strong, weak] = [{ command: once }, { command: ["/usr/bin/env"] }] as const;
  expect(await strongest<{ readonly command: readonly [string, ...string[]] }>([strong, weak])).toBe(strong);
  const never = { command: ["/usr/bin/false"] } as const;
  expect(await strongest<{ readonly command: readonly [string, ...string[]] }>([never, weak])).toBe(weak);
});

const { offline, alone } = await confinement();

test.skipIf(!offline)("a tool has no network where the machine can take it away", async () => {
  let hits = 0;
  const server = createServer((_, response) => {
    hits += 1;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const args = ["-v", "error", "-protocol_whitelist", "http,tcp", "-i", url];
  await expect(run("/usr/bin/ffprobe", args, { cwd, limits })).rejects.toMatchObject({ name: "ToolFailure" });
  expect(hits).toBe(0);
  await promisify(execFile)("/usr/bin/ffprobe", args).catch(() => undefined);
  server.closeAllConnections();
  server.close();
  expect(hits, "the server can be reached").toBeGreaterThan(0);
});

test.skipIf(!alone)("a tool sees no process of ours, and one that leaves its group is gone with it too", async () => {
  const odd = oddSleep();
  const seen = await shell(
    `setsid sleep ${odd} >/dev/null 2>&1 & ls /proc | grep -c '^[0-9]'; [ -e /proc/${process.pid}/cmdline ]; echo $?`,
  );
  expect(seen.split("\n")[1]).toBe("1");
  expect(Number(seen.split("\n")[0])).toBeLessThan(10);
  await until(() => processesWith(odd).length === 0);
});

test("a line without an end ends the run before it fills the memory", async () => {
  const endless = shell("head -c 100000000 /dev/zero", { onLine: () => undefined });
  await expect(endless).rejects.toMatchObject({ name: "ToolFailure", reason: "refused" });
});

test("a reader of lines may end the run", async () => {
  const enough = new Error("enough");
  const running = shell("while :; do echo line; done", {
    onLine: () => {
      throw enough;
    },
  });
  await expect(running).rejects.toBe(enough);
});

test("a refusal keeps the beginning and the end of a flood of complaints", async () => {
  const failing = shell("echo first >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last >&2; exit 1");
  const error: unknown = await failing.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "ToolFailure", reason: "refused" });
  const { stderr } = error as { stderr: string };
  expect(stderr).toMatch(/^first/u);
  expect(stderr).toMatch(/last$/u);
  expect(stderr.length).toBeLessThan(5000);
});

test("a full disk and a crash are told apart", async () => {
  const full = shell("echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1");
  await expect(full).rejects.toMatchObject({ reason: "resources" });
  await expect(shell("kill -SEGV $$")).rejects.toMatchObject({ reason: "refused" });
  await expect(shell("kill -KILL $$")).rejects.toMatchObject({ reason: "resources" });
});

test("progress only grows and stays within 0 and 1", () => {
  const seen: number[] = [];
  const line = progressOf(1000, (fraction) => seen.push(fraction));
  for (const at of ["N/A", "-5", "200000", "100000", "700000", "700000", "1300000"]) line(`out_time_us=${at}`);
  line("progress=end");
  expect(seen).toEqual([0.2, 0.7, 1]);
});
