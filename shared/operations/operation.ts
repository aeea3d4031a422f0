import type { ProblemCode } from "../web/problem.ts";
import { defineKind } from "../tenancy/kind.ts";

/** Long work that was answered with 202. */
export interface Operation {
  /** What is being done, e.g. `createTenant`. */
  readonly action: string;
  readonly status: "running" | "succeeded" | "failed";
  /** 0..1 */
  readonly progress: number;
  /** Id of what it made. */
  readonly resultId?: string;
  readonly failure?: { readonly code: ProblemCode; readonly detail: string };
  /** Actor that started it: they and admins may see it. */
  readonly startedBy: string;
}

/** What became of an operation so far. */
export type Outcome = Omit<Operation, "action" | "startedBy">;

/** The operation with another outcome. */
export function withOutcome({ action, startedBy }: Operation, outcome: Outcome): Operation {
  return { action, startedBy, ...outcome };
}

export const operationKind = defineKind<Operation>("operation", {
  schemaVersion: 1,
  fields: {
    action: "technical",
    status: ["running", "succeeded", "failed"],
    progress: "technical",
    resultId: "id",
    failure: { code: "technical", detail: "freeText" },
    startedBy: "id",
  },
});
