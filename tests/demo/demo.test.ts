import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listen, stop } from "../../local/service.ts";
import { clip } from "../../scripts/clips.ts";
import { type RunningStack, startStackProcess } from "../support/stack.ts";

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
let stack: RunningStack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callpilot-demo-"));
  stack = await startStackProcess({ dataDir: join(folder, "stack") });
});

afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("npm run demo", () => {
  test.each(["h264-silent.mp4", "phone-hevc.mov", "recorder-vp9.webm"] as const)(
    "sends %s and finds everything true",
    async (name) => {
      const { code, stdout, stderr } = await demo("--video", await clip(name));
      expect({ code, stderr, failed: failedLines(stdout) }).toEqual({ code: 0, stderr: "", failed: [] });
      expect(stdout).toContain("All of it is true");
      expect(lineOf(stdout, "✓ Webhook video.ready")).toContain("signature verified");
      expect(lineOf(stdout, "✓ Playable URL")).toContain("ffprobe: h264");
    },
  );

  test("keeps one webhook for all of its runs", async () => {
    const webhooks = new Set<string>();
    for (let run = 0; run < 2; run++) {
      expect((await demo("--video", await clip("h264-silent.mp4"))).code).toBe(0);
      const kept = JSON.parse(await readFile(join(stack.dataDir, "demo.json"), "utf8")) as { webhookId: string };
      webhooks.add(kept.webhookId);
    }
    expect(webhooks.size).toBe(1);
  });

  test.each([
    ["signature", ["Webhook survey.submitted", "Webhook video.ready", "Event log"]],
    ["playback", ["Playable URL"]],
  ])("notices a broken %s", notices);

  test("shows why a text file is no video, and that the survey goes on", async () => {
    const { code, stdout } = await demo("--video", await clip("text.mp4"));
    expect(code).toBe(1);
    expect(stdout).toContain("The video was refused: unsupported_format");
    expect(stdout).toContain("Please record with your phone's camera");
    expect(stdout).toMatch(/The survey goes on, now (?:in_progress|changes_requested): /u);
  });

  test("shows the API's refusal of a file whose type it does not take", async () => {
    const file = join(folder, "notes.txt");
    await writeFile(file, "no video");
    const { code, stdout } = await demo("--video", file);
    expect(code).toBe(1);
    expect(stdout).toContain("The video was refused: unsupported_type");
    expect(stdout).toContain("The survey goes on, now in_progress: ");
  });
});

describe.concurrent("npm run demo says in one sentence what to do", () => {
  test("about a file that is not there", async () => {
    expect(await demo("--video", "missing.mp4")).toEqual(
      sentence("--video missing.mp4 does not exist: give the path of a video that you may read."),
    );
  });

  test("about a missing ffmpeg", async () => {
    const { code, stderr } = await run([], { FFMPEG_PATH: join(folder, "no-ffmpeg") });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^callpilot: FFMPEG_PATH names .*correct or remove the setting\.\n$/u);
  });

  test("about a stack that does not answer", async () => {
    const silent = createServer();
    const apiUrl = `http://localhost:${await listen(silent, 0, "a silent server")}`;
    const data = await described("silent", { apiUrl });
    const { code, stderr } = await run(["--data", data, "--video", await clip("h264-silent.mp4")]);
    await stop(silent);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `callpilot: ${apiUrl} does not answer: stop what runs there, then run npm start.\n`,
    });
  });

  test("about a stack that stops answering on the way", async () => {
    const healthy = createServer((_request, response) => response.end());
    const apiUrl = `http://localhost:${await listen(healthy, 0, "a healthy server")}`;
    const { caFile, tenants } = JSON.parse(await readFile(join(stack.dataDir, "stack.json"), "utf8")) as object & {
      caFile: string;
      tenants: unknown;
    };
    const data = await described("stopping", { apiUrl, caFile, tenants, issuerUrl: "https://localhost:1" });
    const { code, stderr } = await run(["--data", data, "--video", await clip("h264-silent.mp4")]);
    await stop(healthy);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "callpilot: The stack stopped answering: start it with npm start, then run the demo again; what was sent so far is kept.\n",
    });
  });

  test("about an option that it does not know", async () => {
    expect(await demo("--clip", "x")).toEqual(
      sentence("Unknown option '--clip': npm run demo -- --help shows the options."),
    );
  });
});

describe.concurrent("npm run demo", () => {
  test("boots a stack where none runs, and stops it", async () => {
    const data = join(folder, "booted");
    const { code, stdout, stderr } = await run(["--data", data, "--video", await clip("h264-silent.mp4")]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("none is running");
    expect(stdout).toContain("All of it is true");
    const { apiUrl } = JSON.parse(await readFile(join(data, "stack.json"), "utf8")) as { apiUrl: string };
    await expect(fetch(apiUrl)).rejects.toThrow("fetch failed");
  });

  // It waits for what does not come.
  test("notices a broken event", () => notices("event", ["Webhook video.ready", "Event log"]));
});

async function notices(claim: string, failed: readonly string[]): Promise<void> {
  const { code, stdout } = await demo("--video", await clip("h264-silent.mp4"), "--break", claim);
  expect(code).toBe(1);
  expect(failedLines(stdout)).toEqual([...failed, `${failed.length} of 11 is not true`].map(startingWith));
}

/** A data folder whose stack.json says what it is told to. */
async function described(name: string, description: object): Promise<string> {
  const data = join(folder, name);
  await mkdir(data);
  await writeFile(join(data, "stack.json"), JSON.stringify(description));
  return data;
}

function demo(...args: string[]): Promise<Run> {
  return run(["--data", stack.dataDir, ...args]);
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const child = spawn(process.execPath, ["local/demo/demo.ts", ...args], {
    env: { ...process.env, PORT: "0", NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

function lineOf(stdout: string, start: string): string | undefined {
  return stdout.split("\n").find((line) => line.trimStart().startsWith(start));
}

/** The lines of the table that are not true, without their marks. */
function failedLines(stdout: string): string[] {
  return [...stdout.matchAll(/^ {2}✗ (.*)$/gmu)].map(([, line = ""]) => line);
}

function startingWith(text: string): unknown {
  return expect.stringMatching(new RegExp(`^${text} `, "u"));
}

function sentence(text: string): Run {
  return { code: 1, stdout: expect.any(String) as string, stderr: `callpilot: ${text}\n` };
}
