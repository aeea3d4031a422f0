import { filters, lists } from "../contracts/lists.ts";
import { type Side, newDraft, newDraftSurvey } from "../contracts/side.ts";
import type { Operation } from "../support/contracts.ts";
import { isRefusal } from "./holders.ts";
import type { Section } from "./ledger.ts";
import { type Run, type Seen, inParallel, violate } from "./run.ts";

const control = "a cursor that is not bound to its tenant and its query: shared/tenancy/repository.ts";
type Query = Readonly<Record<string, string>>;

/** Cursors of every list: altered, of the other tenant, of another list, of another query of the same list. */
export async function cursors(run: Run, section: Section, onProgress: (share: number) => void): Promise<void> {
  await Promise.all([fill(run.own), fill(run.foreign)]);
  for (const [at, [name, operation]] of lists.entries()) {
    const queries = filters[name]?.(run.own) ?? [];
    await strangers(run, section, operation, queries);
    await alterations(run, section, operation);
    section.countDistinct("lists", name);
    onProgress((at + 1) / lists.length);
  }
}

/** At least two of everything that is listed, so that there is a second page. */
async function fill(side: Side): Promise<void> {
  for (let at = 0; at < 2; at++) {
    await newDraftSurvey(side);
    await newDraft(side.people.owner.token, side.questionId);
  }
}

async function page(run: Run, { name, contract }: Operation, side: Side, query: Query, target: string): Promise<Seen> {
  const credential = side === run.own ? "own tenant's" : "other tenant's";
  const attempt = { operation: name, caller: "owner", credential, target };
  return await run.ask(attempt, contract, { token: side.people.owner.token, query }, side);
}

async function cursorOf(run: Run, operation: Operation, side: Side, query: Query = {}): Promise<string> {
  const { answer } = await page(run, operation, side, { ...query, limit: "1" }, "first page");
  const cursor = (answer.body as { nextCursor?: string } | undefined)?.nextCursor;
  if (cursor === undefined) throw new Error(`${operation.name} gave no second page, so there is no cursor to try.`);
  return cursor;
}

function expectRefused(section: Section, seen: Seen): void {
  if (isRefusal(seen.answer, "invalid_cursor")) section.count("cursors refused (400)");
  else violate(section, seen, "400 invalid_cursor", control);
}

async function strangers(run: Run, section: Section, operation: Operation, queries: readonly Query[]): Promise<void> {
  const theirs = await cursorOf(run, operation, run.foreign);
  expectRefused(section, await page(run, operation, run.own, { cursor: theirs }, "the other tenant's cursor"));
  for (const [, other] of lists.filter(([name]) => name !== operation.name)) {
    const cursor = await cursorOf(run, other, run.own);
    expectRefused(section, await page(run, operation, run.own, { cursor }, `a cursor of ${other.name}`));
  }
  for (const query of queries) {
    const cursor = await cursorOf(run, operation, run.own, query);
    for (const another of queries.filter((each) => each !== query))
      expectRefused(section, await page(run, operation, run.own, { ...another, cursor }, "another query's cursor"));
    const twin = await page(run, operation, run.own, { ...query, cursor }, "own cursor");
    if (twin.answer.status === 200) section.count("own cursors taken (twins)");
    else violate(section, twin, "200", control);
  }
}

async function alterations(run: Run, section: Section, operation: Operation): Promise<void> {
  const cursor = await cursorOf(run, operation, run.own);
  const bytes = Buffer.from(cursor, "base64url");
  const places = run.random.some(
    Array.from(bytes, (_, at) => at),
    40,
  );
  const flipped = places.map((at) => {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << run.random.below(8)), at);
    return changed.toString("base64url");
  });
  const spellings = [cursor.slice(0, -1), `${cursor}A`, `${cursor}=`, ` ${cursor}`, run.foreign.id, "0"];
  await inParallel([...flipped, ...spellings], async (changed) => {
    expectRefused(section, await page(run, operation, run.own, { cursor: changed }, "an altered cursor"));
  });
}
