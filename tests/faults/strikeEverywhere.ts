import { expect } from "vitest";
import { now, setClockForTests } from "../../shared/clock.ts";
import { type Fault, run, strikesOf } from "../support/faultHook.ts";
import type { FaultFile } from "../support/faultSites.ts";
import { type GuestUpload, tracesOf } from "./guestUpload.ts";

const atOnce = 4;
const deliveries = 8;

/** Later than any lease of the dead. */
export function letLeasesEnd(): void {
  const offset = now().getTime() - Date.now() + 120_000;
  setClockForTests(() => new Date(Date.now() + offset));
}

interface Scenario {
  readonly arrive: () => Promise<GuestUpload>;
  readonly step: (upload: GuestUpload) => Promise<unknown>;
  /** What has to be left in the end, once, whatever happened. */
  readonly left: (upload: GuestUpload) => Record<string, unknown>;
  /** What is looked at for that; what any upload leaves unless given. */
  readonly traces?: (upload: GuestUpload) => Promise<Record<string, unknown>>;
  /** Files whose awaits are struck; all that are instrumented unless given. */
  readonly files?: readonly FaultFile[];
  /** Awaits of an earlier scenario: what both have in common at their beginning is not struck again, nor overtaken. */
  readonly like?: readonly string[];
}

/**
 * Does the step once for every await that it comes to and every mode, each time on an upload of its own, and then again
 * until it succeeds. Gives the awaits in the order in which they came.
 */
export async function strikeEverywhere(scenario: Scenario): Promise<readonly string[]> {
  const { arrive, step, left, traces = tracesOf, files, like = [] } = scenario;
  const check = async (upload: GuestUpload, struck: string) => {
    expect(await traces(upload), struck).toEqual(left(upload));
  };
  const whole = await arrive();
  const { hits, moments, end } = await run(() => step(whole));
  expect(end).toHaveProperty("value");
  await check(whole, "nowhere");
  const known = hits.findIndex((site, hit) => site !== like[hit]);
  const strikes = strikesOf(
    moments,
    ({ site, hit }) => hit >= known && files?.some((file) => site.startsWith(file)) !== false,
  ).filter(({ site, mode }) => mode !== "overtaken" || !like.includes(site));
  const lane = async () => {
    for (let strike = strikes.shift(); strike !== undefined; strike = strikes.shift()) {
      const upload = await arrive();
      const overtake = async () => {
        letLeasesEnd();
        await run(() => step(upload));
      };
      const fault: Fault = { ...strike, overtake };
      const struck = `${fault.mode} ${fault.site}`;
      await run(() => step(upload), fault);
      for (let delivery = 1; ; delivery++) {
        letLeasesEnd();
        const again = await run(() => step(upload));
        if (again.end !== "died" && "value" in again.end) break;
        if (delivery === deliveries) throw new Error(`never done after ${struck}`, { cause: again.end });
      }
      await check(upload, struck);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return hits;
}
