import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TestApp } from "../../local/host/testing/app.ts";
import type { Stack } from "../../local/stack.ts";
import { clip } from "../../scripts/clips.ts";
import { startStackApart } from "../support/stackApart.ts";
import { useStack } from "../support/stackUnderTest.ts";
import { expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { processed, send } from "../support/upload.ts";

/** Runs in the app's process before the app, and says there whether the prototype can be reached. */
const probe = `
  try { console.log(typeof ({}).__proto__); }
  catch (error) { console.log(error.code); }
`;

let dataDir: string;
let stack: Stack;
let app: TestApp;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "callpilot-strict-"));
  const imported = `--import=data:text/javascript,${encodeURIComponent(probe)}`;
  const started = await startStackApart(dataDir, ["--disable-proto=throw", "--throw-deprecation", imported]);
  ({ stack, app } = started);
  useStack({ ...stack, operator: { email: stack.operatorEmail }, dataDir });
}, 60_000);
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

test(
  "the main job runs where reaching for __proto__ throws and calling what is deprecated ends the app",
  { timeout: 90_000 },
  async () => {
    const tenant = await newTenant();
    await tenant.join("surveyor");
    const { guest, surveyId } = await newSurvey(tenant);
    const id = await send(guest, await clip("phone-hevc.mov"), { contentType: "video/quicktime" });
    expect(await processed(guest, id)).toMatchObject({ state: "ready" });
    const { token } = tenant.owner;
    await expectApi(`POST /v1/surveys/${surveyId}/videos/${id}/playback`, 200, { token });
    await expectApi("GET /v1/events", 200, { token });
    // The probe's word, and nothing else: no failed request, no warning.
    expect(app.noise()).toBe("ERR_PROTO_ACCESS\n");
    expect(app.lines.filter(({ level }) => ["warning", "error", "critical"].includes(level))).toEqual([]);
  },
);
