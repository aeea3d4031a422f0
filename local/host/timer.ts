import { LocalError } from "../service.ts";
import type { AppFunction } from "./app.ts";
import { pause } from "./invoke.ts";
import { nextOccurrence, parseSchedule } from "./ncrontab.ts";
import { type Trigger, type TriggerHost, required } from "./trigger.ts";

// Longer waits overflow Node's timers.
const longestWait = 86_400_000;

/**
 * Fires by an NCRONTAB schedule in UTC. One run at a time: what came due meanwhile runs once afterwards, past due.
 * Nothing is remembered across a restart.
 */
export function createTimerTrigger(fn: AppFunction, host: TriggerHost): Trigger {
  const expression = required(fn, "schedule");
  const schedule = parseSchedule(expression);
  let last = new Date(0);

  const following = (after: Date) => {
    const next = nextOccurrence(schedule, after);
    if (next === undefined) throw new LocalError(`The schedule "${expression}" of ${fn.name} never comes.`);
    return next;
  };
  following(new Date());

  const fire = async (isPastDue: boolean) => {
    const started = new Date();
    const info = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: {
        Last: last.toISOString(),
        Next: following(started).toISOString(),
        LastUpdated: last.toISOString(),
      },
      IsPastDue: isPastDue,
    };
    last = started;
    // The invoker has logged a failure; the next occurrence is a new chance.
    await host.invoker.invokeWithRetries(fn, { data: { json: JSON.stringify(info) } }).catch(() => undefined);
  };

  const loop = async () => {
    if (fn.trigger["runOnStartup"] === true) await fire(false);
    let due = following(new Date());
    while (!host.stopping.aborted) {
      const wait = due.getTime() - Date.now();
      if (wait > 0) {
        await pause(Math.min(wait, longestWait), host.stopping);
        continue;
      }
      await fire(wait < -1000);
      const next = following(due);
      // Of several missed occurrences only the latest matters.
      due = next.getTime() <= Date.now() ? new Date() : next;
    }
  };

  return {
    start: () => {
      host.run(loop);
      return Promise.resolve();
    },
    runOnce: () => fire(false),
  };
}
