import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { Type } from "@sinclair/typebox";
import { type AuditEntry, AuditEntry as Entry, logEntry } from "../shared/log/auditView.ts";
import type { Seals } from "../shared/log/listSeals.ts";
import { Seal, SealKey } from "../shared/log/seal.ts";
import { verifyLog } from "../shared/log/verifyLog.ts";
import { type Static, closed } from "../shared/schema.ts";
import { TenantId } from "../shared/tenancy/ids.ts";
import { fault } from "../shared/validator.ts";

const usage = `Checks a tenant's whole log against its seals.

  npm run verify-log -- LOG.json --keys KEYS.json
      offline; exit code 0: as it was written, 1: it is not, 2: cannot tell

  npm run verify-log -- LOG.json --fetch http://localhost:7071 --token TOKEN [--keep-keys KEYS.json]
      saves the log of the tenant that the token is for, of an owner, admin or auditor, to be checked

Keys that come from the same place as the log prove nothing of it: keep them when you trust them, and check with those.`;

const LogFile = closed({ tenantId: TenantId, entries: Type.Array(Entry), seals: Type.Array(Seal) });
const KeyFile = closed({ keys: Type.Array(SealKey) });
type LogFile = Static<typeof LogFile>;

/** What cannot be used, in words for who gave it. */
class Unusable extends Error {
  override readonly name = "Unusable";
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Unusable)) throw error;
  console.error(`verify-log: ${error.message}`);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const { file, keys, from, token, keepKeys } = options();
  if (from !== undefined) {
    const log = await fetched(from, token);
    await writeFile(file, JSON.stringify({ tenantId: log.tenantId, entries: log.entries, seals: log.seals }));
    if (keepKeys !== undefined) await writeFile(keepKeys, JSON.stringify({ keys: log.keys }));
    console.log(`${log.entries.length} entries and ${log.seals.length} seals of ${log.tenantId} are in ${file}.`);
    return 0;
  }
  const log = (await parsed(file, LogFile)) as LogFile;
  const believed = (await parsed(keys, KeyFile)) as Static<typeof KeyFile>;
  const { findings, sealed, sealedAt, last } = verifyLog({
    tenantId: log.tenantId,
    entries: log.entries.map(logEntry),
    seals: log.seals,
    keys: believed.keys,
  });
  for (const { sequence, message } of findings) console.log(`✗ ${sequence}: ${message}`);
  if (sealedAt === undefined) console.log(`Entries 1 to ${last} are chained. No seal vouches for any of them.`);
  else console.log(`Sealed up to entry ${sealed}, at ${sealedAt}. ${unsealed(sealed, last)}`);
  console.log(findings.length === 0 ? "The log is as it was written." : "The log is NOT as it was written.");
  return findings.length === 0 ? 0 : 1;
}

function unsealed(sealed: number, last: number): string {
  return last > sealed ? `Entries ${sealed + 1} to ${last} are chained and not yet sealed.` : "Nothing is behind it.";
}

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        keys: { type: "string" },
        fetch: { type: "string" },
        token: { type: "string" },
        "keep-keys": { type: "string" },
      },
    });
    const [file, ...more] = positionals;
    const complete = values.fetch === undefined ? values.keys !== undefined : values.token !== undefined;
    if (file === undefined || more.length > 0 || !complete) throw new Unusable(usage);
    const { keys = "", token = "" } = values;
    return { file, keys, token, from: values.fetch, keepKeys: values["keep-keys"] };
  } catch (error) {
    throw error instanceof Unusable ? error : new Unusable(`${String(error)}\n\n${usage}`);
  }
}

async function parsed(file: string, schema: typeof LogFile | typeof KeyFile): Promise<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new Unusable(`${file} cannot be read: ${(error as Error).message}`);
  }
  const wrong = fault(schema, value);
  if (wrong !== undefined) throw new Unusable(`${file} ${wrong.message} at ${wrong.pointer}`);
  return value;
}

async function fetched(origin: string, token: string): Promise<LogFile & Pick<Seals, "keys">> {
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(new URL(path, origin), { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Unusable(`GET ${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const { id } = await get<{ id: string }>("/v1/tenant");
  const entries: AuditEntry[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: { items: AuditEntry[]; nextCursor?: string } = await get(`/v1/audit?limit=100${query}`);
    entries.push(...page.items);
    cursor = page.nextCursor;
  }
  const found: Seals[] = [];
  for (const month of new Set(entries.map((entry) => entry.month)))
    found.push(await get<Seals>(`/v1/audit/seals?month=${month}`));
  const keys = new Map(found.flatMap((each) => each.keys).map((key) => [key.kid, key]));
  return {
    tenantId: id,
    entries: entries.toReversed(),
    seals: found.flatMap(({ seals }) => seals),
    keys: [...keys.values()],
  };
}
