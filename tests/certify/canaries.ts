import type { Mail } from "../../local/client.ts";
import { callerFor, requestOn } from "../contracts/cases.ts";
import { type Side, newSide } from "../contracts/side.ts";
import { isToken, namesIn } from "../contracts/strays.ts";
import { type Operation, documents, operations, send } from "../support/contracts.ts";
import { logLines } from "./appLog.ts";
import type { Section } from "./ledger.ts";
import type { Random } from "./random.ts";
import { quiet } from "./quiet.ts";
import { type Run, type Seen, inParallel, violate } from "./run.ts";
import { type Schema, salted } from "./salt.ts";

const controls = {
  answer: "an answer that shows another tenant's words: shared/tenancy/repository.ts, shared/triggers/handleRequest.ts",
  log: "a log line with words that people typed: shared/triggers/logLine.ts",
  mail: "a mail with another tenant's words: shared/mail/sendMail.ts",
};

/** A tenant whose every free text holds a word that stands nowhere else. */
export interface CanaryTenant {
  readonly side: Side;
  readonly canary: string;
  /** Fields of requests that took the word. */
  readonly places: readonly string[];
  /** Fields that look as if they took any words and take some only. */
  readonly closed: readonly string[];
}

/** A word that stands nowhere else. */
export function canaryOf(random: Random): string {
  return `canary${Array.from({ length: 12 }, () => "bcdfghjkmnpqrstvwxz".charAt(random.below(19))).join("")}`;
}

/** A new tenant with the word in its name and, if it is to be filled, in every text that any function takes. */
export async function newCanaryTenant(canary: string, filled: boolean): Promise<CanaryTenant> {
  const side = await newSide(`${canary} & Co`);
  const places: string[] = [];
  const closed: string[] = [];
  await inParallel(
    operations.filter(({ contract }) => filled && contract.body !== undefined),
    async (operation) => {
      const taken = await singAt(side, operation, canary);
      places.push(...taken.places);
      closed.push(...taken.closed);
    },
  );
  if (filled) await quiet([side]);
  return { side, canary, places, closed };
}

/** Sends an operation with the word in all texts; where one of them is refused, in those alone that take it. */
async function singAt(
  side: Side,
  operation: Operation,
  canary: string,
): Promise<{ readonly places: readonly string[]; readonly closed: readonly string[] }> {
  const { contract, name } = operation;
  const tokens = namesIn(operation)
    .filter(isToken)
    .map((path) => path.slice("body".length));
  const attempt = async (without: readonly string[]) => {
    const request = await requestOn(side, operation, callerFor(operation));
    const { value, places } = salted((contract.body as Schema | undefined) ?? {}, request.body, canary, [
      ...tokens,
      ...without,
    ]);
    if (places.length === 0) return { places, took: true };
    const { status } = await send(contract, { ...request, body: value });
    return { places, took: status === contract.success.status };
  };
  const named = (all: readonly string[]) => [...new Set(all)].map((place) => `${name} ${place}`);
  const all = await attempt([]);
  if (all.took) return { places: named(all.places), closed: [] };
  const each = [...new Set(all.places)];
  const closed: string[] = [];
  for (const place of each) if (!(await attempt(each.filter((other) => other !== place))).took) closed.push(place);
  const rest = await attempt(closed);
  return { places: rest.took ? named(rest.places) : [], closed: named(closed) };
}

/** What tells that a tenant's data is somewhere: its word, its ids, and those of what it has. */
async function marksOf({ side, canary }: CanaryTenant, other: CanaryTenant): Promise<readonly string[]> {
  const [mine, theirs] = await Promise.all([documents(side.id), documents(other.side.id)]);
  const shared = new Set(theirs.map(({ id }) => id));
  return [canary, side.id, ...mine.map(({ id }) => id).filter((id) => !shared.has(id))];
}

/** Looks for each tenant's words and ids in everything that anybody else was answered, in the log, and in the mails. */
export async function canaries(run: Run, section: Section): Promise<void> {
  const [one, other] = run.tenants;
  for (const { places } of run.tenants)
    for (const place of places) section.countDistinct("free texts with a canary", place);
  for (const { side } of run.tenants) await readEverything(run, side);
  for (const [tenant, stranger] of [
    [one, other],
    [other, one],
  ] as const) {
    const marks = await marksOf(tenant, stranger);
    section.count("words and ids looked for", marks.length);
    const known = namedBy(stranger.side, run.seen);
    for (const seen of run.seen) searchAnswer(section, seen, tenant, marks, known);
    await searchMails(run, section, tenant, stranger);
  }
  await searchLog(run, section);
}

/** Every operation that reads, by its own people, so that there are answers with the word in them. */
async function readEverything(run: Run, side: Side): Promise<void> {
  const reading = operations.filter(({ contract }) => contract.method === "GET" && contract.permission !== "public");
  await inParallel(reading, async (operation) => {
    const caller = callerFor(operation);
    const credential = side === run.own ? "own tenant's" : "other tenant's";
    const attempt = { operation: operation.name, caller, credential, target: "own" };
    const request = await requestOn(side, operation);
    await run.ask(attempt, operation.contract, request, caller === "operator" ? undefined : side);
  });
}

/** Functions that tell again what was asked for, denied attempts included. */
const repeating: readonly string[] = ["listAudit", "downloadAudit"];

/** Paths that people of the tenant have asked for, which they know what they named in. */
function namedBy({ id }: Side, all: readonly Seen[]): string {
  return all
    .filter(({ partitions }) => partitions.includes(id))
    .map(({ line }) => line)
    .join("\n");
}

function searchAnswer(
  section: Section,
  seen: Seen,
  { side, canary }: CanaryTenant,
  marks: readonly string[],
  known: string,
): void {
  const text = `${seen.answer.text}\n${[...seen.answer.headers].join("\n")}`;
  if (seen.of?.id === side.id) {
    if (text.includes(canary)) section.count("own answers that show the own canary (the search works)");
    return;
  }
  section.count("answers searched");
  // Operators know who their customers are, and nothing that these have.
  const hidden = seen.attempt.caller === "operator" ? [canary] : marks;
  const asked = repeating.includes(seen.attempt.operation) ? known : seen.line;
  const found = hidden.find((mark) => text.includes(mark) && !asked.includes(mark));
  if (found !== undefined) violate(section, seen, `nothing of ${side.id}, and not ${found}`, controls.answer);
}

/** A mail that tells of a tenant tells of no other one. */
async function searchMails(run: Run, section: Section, tenant: CanaryTenant, stranger: CanaryTenant): Promise<void> {
  const answer = await fetch(`${run.stack.mailUrl}/messages`);
  const { messages } = (await answer.json()) as { messages: readonly Mail[] };
  const texts = messages.map((mail) => JSON.stringify(mail)).filter((text) => text.includes(tenant.canary));
  for (const text of texts) {
    section.count("mails searched");
    if (!text.includes(stranger.canary)) continue;
    const attempt = { operation: "mail", caller: "recipient", credential: "none", target: "the other tenant's words" };
    section.violate({ ...attempt, expected: "no such word", got: text, request: "mailbox", control: controls.mail });
  }
}

async function searchLog({ stack, tenants, logStart }: Run, section: Section): Promise<void> {
  const lines = await logLines(stack.dataDir, logStart);
  section.count("log lines searched", lines.length);
  for (const line of lines) {
    if (!tenants.some(({ canary }) => line.includes(canary))) continue;
    const attempt = { operation: "log", caller: "who reads it", credential: "none", target: "words that people typed" };
    section.violate({
      ...attempt,
      expected: "ids and closed words",
      got: line,
      request: "functions.log",
      control: controls.log,
    });
  }
}
