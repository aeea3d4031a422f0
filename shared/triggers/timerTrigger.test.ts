import { InvocationContext, type Timer } from "@azure/functions";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type VaultForTests, startVaultForTests } from "../protection/vaultForTests.ts";
import { type TimerInput, timerTrigger } from "./timerTrigger.ts";

let settings: VaultForTests;
beforeAll(async () => {
  settings = await startVaultForTests();
});
afterAll(() => settings.close());

const timer: Timer = {
  isPastDue: false,
  schedule: { adjustForDST: true },
  scheduleStatus: { last: "", next: "", lastUpdated: "" },
};

async function tick(failure?: Error) {
  const seen: TimerInput[] = [];
  const logged: Record<string, unknown>[] = [];
  const { handler, schedule } = timerTrigger({
    schedule: "0 */5 * * * *",
    handler: (input) => {
      seen.push(input);
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    },
  });
  const context = new InvocationContext({
    functionName: "sweepVideos",
    logHandler: (level, line) => {
      logged.push({ level, ...(JSON.parse(String(line)) as object) });
    },
  });
  const done = await Promise.resolve(handler(timer, context)).then(
    () => "done",
    (error: unknown) => error,
  );
  return { seen, logged, done, schedule };
}

it("works in the platform's scope, under a request id of its own each time", async () => {
  const [one, other] = [await tick(), await tick()];
  expect(one).toMatchObject({ done: "done", logged: [], schedule: "0 */5 * * * *" });
  expect(one.seen).toMatchObject([
    { platform: { tenantId: "platform", action: "sweepVideos", actor: { type: "system", id: "sweepVideos" } } },
  ]);
  expect(one.seen[0]?.platform.requestId).not.toBe(other.seen[0]?.platform.requestId);
});

it("logs a failure and gives it to the host", async () => {
  const failure = new Error("not now");
  const { done, logged } = await tick(failure);
  expect(done).toBe(failure);
  expect(logged).toMatchObject([{ level: "error", event: "timer_failed", function: "sweepVideos" }]);
});
