import { readFile } from "node:fs/promises";
import { type TSchema, Type } from "@sinclair/typebox";
import { AuditEntry } from "../../shared/log/auditView.ts";
import { Seal } from "../../shared/log/seal.ts";
import { type Static, closed } from "../../shared/schema.ts";
import { TenantId } from "../../shared/tenancy/ids.ts";
import { refuseAmbiguity } from "../../shared/triggers/jsonText.ts";
import { fault } from "../../shared/validator.ts";
import { isProblem } from "../../shared/web/problem.ts";

/** A tenant's whole log, as `npm run verify-log -- --fetch` saves it. */
export const LogFile = closed({ tenantId: TenantId, entries: Type.Array(AuditEntry), seals: Type.Array(Seal) });
export type LogFile = Static<typeof LogFile>;

/** What cannot be used, in words for who gave it. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}

export async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(await readFile(file));
  } catch (error) {
    throw new Unusable(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** The JSON of a file, checked against a schema; none that other programs may read differently. Throws {@link Unusable}. */
export async function readJson(file: string, schema: TSchema): Promise<unknown> {
  const text = await readText(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
    refuseAmbiguity(text);
  } catch (error) {
    throw new Unusable(`${file} cannot be read: ${whyNot(error)}`);
  }
  const wrong = fault(schema, value);
  if (wrong !== undefined) throw new Unusable(`${file} ${wrong.message} at ${wrong.pointer || "its top"}`);
  return value;
}

/** What {@link JSON.parse} or {@link refuseAmbiguity} says. */
export function whyNot(error: unknown): string {
  return (isProblem(error) ? error.details.errors?.[0]?.message : undefined) ?? (error as Error).message;
}
