import { writeFile } from "node:fs/promises";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { Type } from "@sinclair/typebox";
import { type AuditEntry, auditEntry, logEntry } from "../shared/log/auditView.ts";
import type { Seals } from "../shared/log/listSeals.ts";
import { verifyLog } from "../shared/log/verifyLog.ts";
import { PublicKey, keyObject, thumbprint } from "../shared/protection/signature.ts";
import { type Static, closed } from "../shared/schema.ts";
import { LogFile, Unusable, readJson } from "./verify/inputs.ts";

const usage = `Checks a tenant's whole log against its seals.

  npm run verify-log -- LOG.json --keys KEYS.json
      offline; exit code 0: what is sealed is as it was, 1: it is not, 2: cannot tell

  npm run verify-log -- LOG.json --fetch http://localhost:7071 --token TOKEN [--keep-keys KEYS.json]
      saves the log of the tenant that the token is for, to be checked: of an owner, admin or auditor, or a service
      key with the scope audit:read

Keys that come from the same place as the log prove nothing of it: keep them when you trust them, and check with those, or
compare their thumbprints with what the vault's operator says (docs/evidence.md).`;

const KeyFile = closed({ keys: Type.Array(PublicKey) });

/** Months without a seal after which nobody looks further back. */
const quietMonths = 24;

/** A service key names its tenant, and need not have the scope to read about it. */
const tenantOfKey = /^cpk_(\w+)\./u;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`verify-log: ${(error as Error).message}`);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const asked = options();
  if (asked === undefined) {
    console.log(usage);
    return 0;
  }
  const { file, keys, from, token, keepKeys } = asked;
  if (from !== undefined) {
    const { keys: found, ...log } = await fetched(from, token);
    await saved(file, log);
    if (keepKeys !== undefined) await saved(keepKeys, { keys: found });
    console.log(`Saved in ${file}: of ${log.tenantId}, entries: ${log.entries.length}, seals: ${log.seals.length}.`);
    return 0;
  }
  const log = (await readJson(file, LogFile)) as LogFile;
  const believed = (await readJson(keys, KeyFile)) as Static<typeof KeyFile>;
  const { sealed, sealedAt, last, overdueSince, ...found } = verifyLog({
    tenantId: log.tenantId,
    entries: log.entries.map(logEntry),
    seals: log.seals,
    keys: believed.keys,
  });
  const findings = [...found.findings];
  for (const view of log.entries.filter((entry) => !isDeepStrictEqual(auditEntry(logEntry(entry)), entry)))
    findings.push({
      sequence: view.sequence,
      message: `entry ${view.sequence} is shown with another result than it has`,
    });
  console.log(`The log of ${log.tenantId}`);
  for (const { sequence, message } of findings) console.log(`✗ ${sequence}: ${message}`);
  if (findings.length > 0) {
    console.log("The log is NOT as it was written.");
    return 1;
  }
  if (sealedAt === undefined) throw new Unusable("nothing vouches for this log: there is no seal of it.");
  console.log(`Entries 1 to ${sealed} are as they were sealed at ${sealedAt}.`);
  for (const key of believed.keys.filter(({ kid }) => log.seals.some((seal) => seal.kid === kid)))
    console.log(`Signed by ${key.kid}, thumbprint ${thumbprint(keyObject(key))}.`);
  if (last > sealed) console.log(`Entries ${sealed + 1} to ${last} are chained and not yet sealed.`);
  if (overdueSince !== undefined)
    console.log(`! A seal is due every night, and there is none since ${overdueSince}: ask the vault's operator why.`);
  return 0;
}

/** What is asked for; undefined where it is help. */
function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        keys: { type: "string" },
        fetch: { type: "string" },
        token: { type: "string" },
        "keep-keys": { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return undefined;
    const [file, ...more] = positionals;
    const complete = values.fetch === undefined ? values.keys !== undefined : values.token !== undefined;
    if (file === undefined || more.length > 0 || !complete) throw new Unusable(usage);
    const { keys = "", token = "" } = values;
    return { file, keys, token, from: values.fetch, keepKeys: values["keep-keys"] };
  } catch (error) {
    throw error instanceof Unusable ? error : new Unusable(`${(error as Error).message}\n\n${usage}`);
  }
}

async function saved(file: string, value: object): Promise<void> {
  try {
    await writeFile(file, JSON.stringify(value));
  } catch (error) {
    throw new Unusable(`${file} cannot be written: ${(error as Error).message}`);
  }
}

async function asked(path: string, origin: string, token: string): Promise<Response> {
  try {
    return await fetch(new URL(path, origin), { headers: { authorization: `Bearer ${token}` } });
  } catch (error) {
    throw new Unusable(`${origin} does not answer: ${(error as Error).message}`);
  }
}

function monthsAgo(count: number): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - count)).toISOString().slice(0, 7);
}

async function fetched(origin: string, token: string): Promise<LogFile & Pick<Seals, "keys">> {
  const get = async <T>(path: string): Promise<T> => {
    const answer = await asked(path, origin, token);
    if (!answer.ok) throw new Unusable(`GET ${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const id = tenantOfKey.exec(token)?.[1] ?? (await get<{ id: string }>("/v1/tenant")).id;
  // Before the entries, which may grow, and whatever months these say there are: a month may have been cut off.
  const found: Seals[] = [];
  let quiet = 0;
  while (quiet < quietMonths) {
    const month = await get<Seals>(`/v1/audit/seals?month=${monthsAgo(found.length)}`);
    quiet = month.seals.length > 0 ? 0 : quiet + 1;
    found.push(month);
  }
  const entries: AuditEntry[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: { items: AuditEntry[]; nextCursor?: string } = await get(`/v1/audit?limit=100${query}`);
    entries.push(...page.items);
    cursor = page.nextCursor;
  }
  const keys = new Map(found.flatMap((each) => each.keys).map((key) => [key.kid, key]));
  return {
    tenantId: id,
    entries: entries.toReversed(),
    seals: found.flatMap(({ seals }) => seals),
    keys: [...keys.values()],
  };
}
