import { readFile } from "node:fs/promises";
import { type TSchema, Type } from "@sinclair/typebox";
import { AuditEntry } from "../../shared/log/auditView.ts";
import { Seal } from "../../shared/log/seal.ts";
import { type Static, closed } from "../../shared/schema.ts";
import { TenantId } from "../../shared/tenancy/ids.ts";
import { fault } from "../../shared/validator.ts";

/** A tenant's whole log, as `npm run verify-log -- --fetch` saves it. */
export const LogFile = closed({ tenantId: TenantId, entries: Type.Array(AuditEntry), seals: Type.Array(Seal) });
export type LogFile = Static<typeof LogFile>;

/** What cannot be used, in words for who gave it. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}

export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Unusable(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** The JSON of a file, checked against a schema. Throws {@link Unusable}. */
export async function readJson(file: string, schema: TSchema): Promise<unknown> {
  const text = await readText(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Unusable(`${file} cannot be read: ${(error as Error).message}`);
  }
  const wrong = fault(schema, value);
  if (wrong !== undefined) throw new Unusable(`${file} ${wrong.message} at ${wrong.pointer}`);
  return value;
}
