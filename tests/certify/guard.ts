import { setTimeout as delay } from "node:timers/promises";
import { api } from "../support/tenant.ts";
import { logLines } from "./appLog.ts";
import type { Section } from "./ledger.ts";
import type { Run } from "./run.ts";

const controls = {
  guard: "the guard does not stop what it should: shared/tenancy/database.ts, shared/tenancy/guard.ts",
  predicate: "a query left without the tenant predicate: shared/tenancy/repository.ts",
  other: "a request for data outside of its caller's tenant: shared/tenancy/",
};

/** What the guard says of a request that it stopped. */
interface Refusal {
  readonly function: string;
  readonly why: string;
}

interface Readiness {
  readonly checks?: readonly { readonly name: string; readonly ok: boolean }[];
}

/** Whether the guard stops what the app itself tries against it; then what it has had to stop: nothing of ours. */
export async function guard({ stack, logStart }: Run, section: Section): Promise<void> {
  for (let time = 0; time < 3; time++) {
    const { status, body } = await api<Readiness>("GET /health/ready");
    const check = body.checks?.find(({ name }) => name === "tenancy-guard");
    if (check?.ok === true) section.count("times the app tried to get past its guard, and was stopped");
    else
      section.violate({
        ...{ operation: "getReadiness", caller: "the app itself", credential: "none", target: "the guard" },
        expected: "the check tenancy-guard holds: four requests that reach beyond a tenant are stopped",
        got: `${status}, tenancy-guard: ${check === undefined ? "not checked" : "a request got past it"}`,
        request: "GET /health/ready",
        control: controls.guard,
      });
    // The app answers what it found out within the last second again.
    await delay(1_100);
  }
  noteRefusals(section, await refusals(stack.dataDir, logStart));
}

export function noteRefusals(section: Section, refused: readonly Refusal[]): void {
  section.count("requests that the guard had to stop", refused.length);
  for (const { function: operation, why } of refused)
    section.violate({
      ...{ operation, caller: "the app itself", credential: "none", target: "the database" },
      expected: "requests for the caller's tenant only, each query with the tenant predicate",
      got: `stopped by the guard: ${why}`,
      request: "functions.log",
      control: why.includes("predicate") ? controls.predicate : controls.other,
    });
}

/** The requests that the guard has stopped since the log had that size, one for each function and reason. */
async function refusals(dataDir: string, start: number): Promise<readonly Refusal[]> {
  const found = (await logLines(dataDir, start)).flatMap((line) => {
    const why = /TenancyViolation: ([^"\\]*)/u.exec(line)?.[1];
    return why === undefined ? [] : [{ function: /"function":"(\w+)"/u.exec(line)?.[1] ?? "unknown", why }];
  });
  return [...new Map(found.map((refusal) => [`${refusal.function} ${refusal.why}`, refusal])).values()];
}

/** Resolves once the guard has stopped a request; where it stops ours, nothing further can be tried. */
export async function firstRefusals(dataDir: string, start: number, end: AbortSignal): Promise<readonly Refusal[]> {
  for (;;) {
    await delay(500, undefined, { signal: end });
    const found = await refusals(dataDir, start);
    if (found.length > 0) return found;
  }
}
