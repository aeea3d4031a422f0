import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
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

/** Runs a background child that writes its id, and waits until the id is there. */
async function grandchild(name: string): Promise<number> {
  for (;;) {
    const id = await readFile(join(cwd, name), "utf8").catch(() => "");
    if (id.endsWith("\n")) return Number(id);
    await sleep(20);
  }
}

async function isGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    if (state === undefined || state.includes(") Z ")) return true;
    await sleep(20);
  }
  return false;
}

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
  const started = performance.now();
  const running = shell("sleep 60 & echo $! > timed; wait", { limits: { ...limits, wallSeconds: 0.5 } });
  await expect(running).rejects.toMatchObject({ name: "ToolFailure", reason: "timeout" });
  expect(performance.now() - started).toBeLessThan(5000);
  expect(await isGone(await grandchild("timed"))).toBe(true);
});

test("an abort ends the whole group with the signal's reason", async () => {
  const abort = new AbortController();
  const reason = new Error("lease lost");
  const running = shell("sleep 60 & echo $! > aborted; wait", { signal: abort.signal });
  const pid = await grandchild("aborted");
  abort.abort(reason);
  await expect(running).rejects.toBe(reason);
  expect(await isGone(pid)).toBe(true);
  await expect(shell("true", { signal: abort.signal })).rejects.toBe(reason);
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
