import { derivedId } from "./ids.ts";
import { defineKind } from "./kind.ts";

/** A value that one owner has in the tenant. */
export const reservationKind = defineKind<{ readonly owner: string }>("reservation", {
  schemaVersion: 1,
  fields: { owner: "id" },
});

/** Id of the reservation of a value: the same for texts that differ in case or in Unicode's composition only. */
export function reservationId(scope: string, value: string): string {
  return derivedId(scope, value.normalize("NFC").toLowerCase());
}
