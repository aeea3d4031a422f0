import { Type } from "@sinclair/typebox";
import { Choice, type Static, Time, closed, optional } from "../schema.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { Operation } from "./operation.ts";

export const OperationView = closed({
  id: Id(prefixes.operation),
  action: Type.String({ maxLength: 64, description: "The operation that started it" }),
  status: Choice(["running", "succeeded", "failed"]),
  progress: Type.Number({ minimum: 0, maximum: 1 }),
  resultId: optional(Type.String({ maxLength: 64, description: "Id of what it made" })),
  failure: optional(
    closed({
      code: Type.String({ maxLength: 64, description: "Code of a problem" }),
      detail: Type.String({ maxLength: 500 }),
    }),
  ),
  createdAt: Time,
  updatedAt: Time,
});
export type OperationView = Static<typeof OperationView>;

export function operationView(operation: Entity<Operation>): OperationView {
  const { id, action, status, progress, resultId, failure, createdAt, updatedAt } = operation;
  return {
    id,
    action,
    status,
    progress,
    ...(resultId !== undefined && { resultId }),
    ...(failure !== undefined && { failure }),
    createdAt,
    updatedAt,
  };
}

/** Where an operation's progress can be read. */
export function operationLocation(id: string): string {
  return `/v1/operations/${id}`;
}
