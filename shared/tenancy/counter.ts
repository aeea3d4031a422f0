import { defineKind } from "./kind.ts";

/** A number of a tenant's that changes with what it counts. */
export const counterKind = defineKind<{ readonly value: number }>("counter", {
  schemaVersion: 1,
  fields: { value: "technical" },
});

/** Id of a tenant's counter. */
export function counterId(counter: string): string {
  return `cnt_${counter}`;
}
