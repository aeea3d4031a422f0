import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "../../scripts/build.ts";
import { startStackApart } from "../../tests/support/stackApart.ts";
import { useStack } from "../../tests/support/stackUnderTest.ts";
import { expectApi, newSurvey, newTenant } from "../../tests/support/tenant.ts";
import { processed, send } from "../../tests/support/upload.ts";
import { phoneRecording } from "./inputs.ts";

const asked = 400;
const pauseMs = 25;
/** As many as are wanted of a machine with two cores. */
const videos = 2;

/**
 * A program: how long the API takes to answer (milliseconds, 95th percentile) while nothing is processed, and while two
 * videos are encoded by the same process's tools on the same machine, database and storage included.
 */
await build({});
const dataDir = await mkdtemp(join(tmpdir(), "callpilot-bench-"));
const { stack } = await startStackApart(dataDir, []);
try {
  useStack({ ...stack, operator: { email: stack.operatorEmail }, dataDir });
  const tenant = await newTenant();
  const surveys = [];
  for (let count = 0; count < videos; count++) surveys.push(await newSurvey(tenant));
  const [guest = ""] = surveys.map((survey) => survey.guest);
  const ask = async () => {
    const started = performance.now();
    await expectApi("GET /v1/guest/survey", 200, { token: guest });
    return performance.now() - started;
  };
  await answers(ask, () => true);
  const idleMs = await answers(ask, () => true);
  const recording = await phoneRecording(60);
  const ids = await Promise.all(
    surveys.map(async (survey) => ({ ...survey, id: await send(survey.guest, recording) })),
  );
  let atWork = true;
  const ended = Promise.all(ids.map((sent) => processed(sent.guest, sent.id, 600))).finally(() => (atWork = false));
  const busyMs = await answers(ask, () => atWork);
  const states = (await ended).map(({ state }) => state);
  if (states.some((state) => state !== "ready")) throw new Error(`the videos are ${states.join(" and ")}`);
  console.log(JSON.stringify({ idleMs, busyMs }));
} finally {
  await stack[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
}
process.exit(0);

/** The 95th percentile of as many answers as are asked for while it goes on. */
async function answers(ask: () => Promise<number>, goesOn: () => boolean): Promise<number> {
  const times: number[] = [];
  while (times.length < asked && goesOn()) {
    times.push(await ask());
    await delay(pauseMs);
  }
  if (times.length < asked / 4) throw new Error(`only ${times.length} answers came before the work was done`);
  return times.toSorted((one, other) => one - other)[Math.floor(times.length * 0.95)] ?? Number.NaN;
}
