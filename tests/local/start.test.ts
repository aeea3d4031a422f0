import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { trust } from "../../local/certificates.ts";
import { expectCall, signIn, until } from "../../local/client.ts";
import { clip } from "../../scripts/clips.ts";
import type { SeededTenant } from "../../local/seed.ts";
import { type RunningStack, quietPort, startStackProcess } from "../support/stack.ts";

/** With free neighbours, most likely: the stack's ports follow the API's. */
const port = quietPort();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callpilot-start-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface SeededStack extends RunningStack {
  readonly tenants: readonly SeededTenant[];
}

const startSeeded = async (dataDir: string, args: readonly string[] = [], at = port) =>
  (await startStackProcess({ dataDir, port: at, args })) as SeededStack;

/** What the owner of the first tenant sees of the demo: its survey with the video, the events, and the file that plays. */
async function seen(stack: SeededStack) {
  trust(await readFile(stack.caFile, "utf8"));
  const [tenant] = stack.tenants;
  const token = await signIn(stack, tenant?.members[0]?.email ?? "", tenant?.id);
  const get = async <T>(path: string) => (await expectCall<T>(stack, `GET /v1/${path}`, 200, { token })).body;
  const { items: surveys } = await get<{ items: readonly { id: string }[] }>("surveys?state=submitted");
  const { items: events } = await get<{ items: readonly { type: string }[] }>("events?limit=100");
  const surveyId = surveys[0]?.id ?? "";
  const survey = await get<{ videos: readonly { id: string; state: string }[] }>(`surveys/${surveyId}`);
  const playback = `POST /v1/surveys/${surveyId}/videos/${survey.videos[0]?.id ?? ""}/playback`;
  const { body } = await expectCall<{ video: { url: string } }>(stack, playback, 200, { token });
  const file = Buffer.from(await (await fetch(body.video.url)).arrayBuffer());
  return { surveys, survey, events, playable: createHash("sha256").update(file).digest("hex") };
}

/** Does the main job once on the running stack. */
async function runDemo(dataDir: string): Promise<void> {
  const args = ["local/demo/demo.ts", "--data", dataDir, "--video", await clip("h264-index-last.mp4")];
  await promisify(execFile)(process.execPath, args);
}

/** Runs the start command to its end and gives what it wrote. */
async function outcome(dataDir: string, env: NodeJS.ProcessEnv = {}, args: readonly string[] = ["--no-seed"]) {
  return await run("start", ["--data", dataDir, ...args], env);
}

async function run(
  command: "start" | "token",
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [`local/${command}.ts`, ...args], {
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { code, stderr };
}

describe("npm start", () => {
  it("keeps survey, video and events over Ctrl-C, SIGKILL and another PORT, and forgets them with --fresh", async () => {
    const dataDir = join(folder, "kept");
    const first = await startSeeded(dataDir);
    await runDemo(dataDir);
    const before = await until("the demo and all that follows it", 60, async () => {
      const now = await seen(first);
      const types = now.events.map(({ type }) => type);
      return types.includes("video.sealed") && types.includes("video.analysed") ? now : undefined;
    });
    expect(before).toMatchObject({ surveys: [{ state: "submitted" }], survey: { videos: [{ state: "ready" }] } });
    expect(before.events.map(({ type }) => type)).toContain("video.ready");
    expect(await first.stop("SIGINT")).toBe(0);

    const second = await startSeeded(dataDir);
    expect(second.tenants).toEqual(first.tenants);
    expect(await seen(second)).toEqual(before);
    await second.stop("SIGKILL");

    const third = await startSeeded(dataDir, [], port + 20);
    expect(await seen(third)).toEqual(before);
    expect(third.tenants[0]?.guestLink).toContain(`:${port + 20}/s#tnt_`);
    await third.stop();

    const fresh = await startSeeded(dataDir, ["--fresh"]);
    expect(fresh.tenants.map(({ name }) => name)).toEqual(first.tenants.map(({ name }) => name));
    expect(fresh.tenants.map(({ id }) => id)).not.toEqual(first.tenants.map(({ id }) => id));
    await fresh.stop();
  }, 120_000);

  it("names a busy port and how to choose another", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(quietPort(), "127.0.0.1", resolve));
    const busy = (blocker.address() as AddressInfo).port;
    const { code, stderr } = await outcome(join(folder, "busy"), { PORT: String(busy) });
    blocker.close();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `callpilot: Port ${busy} (API) is in use: stop what uses it, or choose another with PORT=<number> npm start.\n`,
    );
  });

  it("refuses a PORT that is none", async () => {
    const { code, stderr } = await outcome(join(folder, "none"), { PORT: "http" });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "callpilot: PORT=http is not a port: give a number from 0 (free ports) to 65526.\n",
    });
  });

  it.each([
    [["--bogus"], "Unknown option '--bogus'"],
    [["--data"], "Option '--data <value>' argument missing"],
    [["fresh"], "Unexpected argument 'fresh'"],
  ])("refuses %j in one line, which names the options that it takes", async (args, words) => {
    const { code, stderr } = await run("start", args);
    expect(code).toBe(2);
    expect(stderr.split("\n")).toEqual([expect.stringContaining("npm start takes --fresh, --no-seed"), ""]);
    expect(stderr).toContain(words);
  });

  it("refuses a setting without a value", async () => {
    expect(await outcome(join(folder, "setting"), {}, ["--settings", "LOG"])).toEqual({
      code: 2,
      stderr: "callpilot: --settings LOG is not NAME=value.\n",
    });
  });

  it("says what to do about damaged data, and leaves it as it is", async () => {
    const dataDir = join(folder, "damaged");
    const stack = await startStackProcess({ dataDir, args: ["--no-seed"] });
    await stack.stop();
    const file = join(dataDir, "cosmos", "cosmos.sqlite");
    await writeFile(file, "this is no database");
    const { code, stderr } = await outcome(dataDir);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^callpilot: .+\n$/u);
    expect(stderr).toContain("cosmos.sqlite");
    expect(stderr).toContain("npm start -- --fresh");
    expect(await readFile(file, "utf8")).toBe("this is no database");
  }, 30_000);

  it("says the same of a damaged record of its tenants", async () => {
    const dataDir = join(folder, "seed");
    await mkdir(dataDir, { recursive: true });
    await writeFile(join(dataDir, "seed.json"), "{");
    const { code, stderr } = await outcome(dataDir, {}, []);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `callpilot: ${join(dataDir, "seed.json")} is damaged: begin anew with npm start -- --fresh.\n`,
    });
  });

  it("says how to get ffmpeg where the configured one is missing", async () => {
    const { code, stderr } = await outcome(join(folder, "tools"), { FFMPEG_PATH: "/nowhere/ffmpeg" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^callpilot: FFMPEG_PATH names \/nowhere\/ffmpeg[^\n]*\n$/u);
  });
});

describe("npm run token", () => {
  it.each([
    [
      ["--bogus"],
      "callpilot: Unknown option '--bogus': npm run token takes --email ADDRESS, --tenant ID and --data FOLDER.\n",
    ],
    [[], "callpilot: Say whose token: npm run --silent token -- --email owner@northwind.localhost\n"],
  ])("refuses %j in one line", async (args, stderr) => {
    expect(await run("token", args)).toEqual({ code: 2, stderr });
  });

  it("says where there is no stack", async () => {
    const args = ["--email", "owner@northwind.localhost", "--data", join(folder, "nowhere")];
    expect(await run("token", args)).toEqual({
      code: 1,
      stderr: `callpilot: There is no ${join(folder, "nowhere", "stack.json")}: run npm start first.\n`,
    });
  });
});
