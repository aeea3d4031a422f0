import { problems } from "../../shared/web/problem.ts";
import { callerFor, requestOn } from "../contracts/cases.ts";
import type { CallerName } from "../contracts/side.ts";
import { notFound } from "../contracts/strays.ts";
import { type Operation, type Request, operations } from "../support/contracts.ts";
import { type Holder, holdersOf, isRefusal, verdict } from "./holders.ts";
import type { Attempt, Section } from "./ledger.ts";
import { quiet, states } from "./quiet.ts";
import { type Run, type Seen, inParallel, violate } from "./run.ts";
import { type Target, targetsOf } from "./targets.ts";

const controls = {
  permission: "a permission check that is missing or wrong: shared/auth/authenticate.ts, shared/auth/permissions.ts",
  credential: "a credential that is taken for more than it is: shared/auth/authenticate.ts",
  tenant: "a read that reaches beyond the caller's tenant: shared/tenancy/repository.ts",
  assigned: "a thing that is shown to whom it is not assigned: shared/surveys/access.ts",
  contract: "a field that the contract does not name is taken: shared/validator.ts, shared/triggers/handleRequest.ts",
  unchanged: "an attempt that changed something: shared/tenancy/change.ts, shared/tenancy/openScope.ts",
  twin: "the operation refuses its own caller, so its refusals prove nothing",
} as const;

/** Requests that succeed once: for everybody who may, and two more to aim at. */
interface Prepared {
  readonly operation: Operation;
  readonly mine: ReadonlyMap<CallerName, Request>;
  readonly first: Request;
  readonly other: Request;
  readonly sibling: Request;
}

/** Every function, by every caller, with every credential, on everything that is not theirs; then on what is. */
export async function matrix(run: Run, section: Section, onProgress: (share: number) => void): Promise<void> {
  const holders = await holdersOf(run.own, run.foreign);
  const prepared: Prepared[] = [];
  await inParallel(run.operations, async (operation) => {
    prepared.push(await prepare(run, operation, holders));
    onProgress((0.4 * prepared.length) / run.operations.length);
  });
  await useOnce(run, holders);
  await quiet([run.own, run.foreign]);
  for (const [at, each] of prepared.entries()) {
    const before = await states([run.own, run.foreign]);
    await refuseAll(run, section, each, holders);
    await expectUnchanged(run, section, each.operation, before, "both tenants' stored state");
    onProgress(0.4 + (0.5 * at) / prepared.length);
  }
  for (const [at, each] of prepared.entries()) {
    const before = await states([run.foreign]);
    await succeed(run, section, each);
    await expectUnchanged(run, section, each.operation, before, "the other tenant's stored state");
    onProgress(0.9 + (0.1 * at) / prepared.length);
  }
}

/** A credential's first use of a day is noted, which is no change that an attempt makes. */
async function useOnce(run: Run, holders: readonly Holder[]): Promise<void> {
  const operation = operations.find(({ name }) => name === "getTenant");
  if (operation === undefined) throw new TypeError("there is no such operation");
  await inParallel(holders, async (holder) => {
    const { caller, credential, token } = holder;
    const attempt = { operation: operation.name, caller, credential, target: "own" };
    await run.ask(attempt, operation.contract, { token }, shownTo(run, holder));
  });
}

async function prepare({ own, foreign }: Run, operation: Operation, holders: readonly Holder[]): Promise<Prepared> {
  const { contract } = operation;
  const permitted = holders
    .filter((holder) => holder.credential === "own tenant's" && verdict(contract, holder) === "allowed")
    .map(({ caller }) => caller)
    // Who accepts an invitation is no member there yet.
    .filter((caller) => contract.permission !== "invitation:accept" || !Object.hasOwn(own.people, caller));
  const mine = await Promise.all(
    permitted.map(async (caller) => [caller, await requestOn(own, operation, caller)] as const),
  );
  const first = mine.find(([caller]) => caller === callerFor(operation))?.[1] ?? mine[0]?.[1] ?? {};
  const [other, sibling] = [await requestOn(foreign, operation), await requestOn(own, operation)];
  return { operation, mine: new Map(mine), first, other, sibling };
}

/** Everything that must be refused, whoever asks. */
async function refuseAll(
  run: Run,
  section: Section,
  { operation, mine, first, other, sibling }: Prepared,
  holders: readonly Holder[],
): Promise<void> {
  const attempts: { readonly holder: Holder; readonly target: Target; readonly expected: Expected }[] = [];
  for (const holder of holders) {
    const base = mine.get(holder.caller) ?? first;
    const decided = verdict(operation.contract, holder);
    const targets = await targetsOf(operation, { mine: base, other, sibling }, run.foreign);
    const own: Target = { label: "own", request: base, answer: "not_found" };
    // A guest's credential is good for one survey, and so is support's: that of the request.
    const isOwn = holder.credential === "own tenant's" && mine.has(holder.caller);
    const token = isOwn ? base.token : holder.token;
    for (const target of [own, ...targets]) {
      const request = { ...target.request, token };
      const expected = decided === "allowed" ? answerTo(operation, holder, target) : decided;
      if (expected !== undefined) attempts.push({ holder, target: { ...target, request }, expected });
    }
    if (
      holder.caller === "surveyor" &&
      holder.credential === "own tenant's" &&
      operation.contract.policy === "assigned"
    )
      attempts.push({
        holder,
        target: { label: "unassigned", request: { ...base, token: run.own.colleague.token }, answer: "not_found" },
        expected: decided === "allowed" ? "not_found" : decided,
      });
  }
  const texts = new Map<string, string>();
  await inParallel(attempts, async ({ holder, target, expected }) => {
    const { caller, credential } = holder;
    const attempt: Attempt = { operation: operation.name, caller, credential, target: target.label };
    const seen = await run.ask(attempt, operation.contract, target.request, shownTo(run, holder));
    section.countDistinct("distinct (function, caller, credential, target)", Object.values(attempt).join("|"));
    if (typeof expected === "object") {
      const nothing = await run.ask(attempt, operation.contract, { ...expected.as, token: target.request.token });
      judgeSame(section, seen, nothing);
    } else if (expected === "ignored") judgeIgnored(section, operation, seen);
    else if (judge(section, seen, expected)) {
      const told = texts.get(`${caller} ${credential} ${expected}`) ?? textOf(seen);
      texts.set(`${caller} ${credential} ${expected}`, told);
      if (expected !== "invalid_request" && told !== textOf(seen))
        violate(section, seen, `the same answer as for every other target: ${told}`, controls.tenant);
    }
  });
}

type Refusal = "unauthenticated" | "forbidden" | "not_found" | "invalid_request";
type Expected = keyof typeof problems | { readonly as: Request } | "ignored";

/** What who may use the operation must be answered, where that is not what they want. */
function answerTo({ contract }: Operation, { credential }: Holder, { label, answer }: Target): Expected | undefined {
  const isOther = credential === "other tenant's" && contract.permission !== "public";
  // What the other tenant's people do to their own is in the mirror: it is what the own do to theirs.
  if (label === "own") return isOther && contract.route.includes("{") ? "not_found" : undefined;
  if (isOther && (label.replaceAll("foreign", "").trim() === "" || typeof answer === "object")) return undefined;
  if (answer !== "ignored") return answer;
  // Only what changes nothing can be asked again; only the own tenant's is there for the caller.
  const repeatable = contract.method === "GET" && !(isOther && contract.route.includes("{"));
  return repeatable ? answer : undefined;
}

function shownTo({ own, foreign }: Run, { caller, credential }: Holder) {
  if (caller === "operator" || caller === "stranger" || credential === "claims the other tenant") return undefined;
  return credential === "own tenant's" ? own : foreign;
}

const outcomes: Readonly<Record<Refusal, string>> = {
  unauthenticated: "refused, for the credential is none (401)",
  forbidden: "refused by the permission matrix (403)",
  not_found: "refused as what is not there (404)",
  invalid_request: "refused as no such field (400)",
};

function judge(section: Section, seen: Seen, expected: Exclude<Expected, object | "ignored">): boolean {
  const refused = expected === "not_found" ? seen.bytes === notFound : isRefusal(seen.answer, expected);
  if (refused) section.count(outcomes[expected as Refusal]);
  else
    violate(
      section,
      seen,
      expected === "not_found" ? notFound : `${problems[expected][0]} ${expected}`,
      controlOf(seen, expected),
    );
  return refused;
}

function controlOf({ attempt }: Seen, expected: string): string {
  if (attempt.target === "unassigned") return controls.assigned;
  if (expected === "unauthenticated") return controls.credential;
  if (expected === "forbidden")
    return attempt.credential === "own tenant's" ? controls.permission : controls.credential;
  return expected === "invalid_request" ? controls.contract : controls.tenant;
}

/** Another tenant's name in a field must be answered as the name of nothing is: refused, or an empty list. */
function judgeSame(section: Section, seen: Seen, nothing: Seen): void {
  const isRefused = [400, 403, 404].includes(nothing.answer.status) || nothing.answer.text === '{"items":[]}';
  if (seen.bytes === nothing.bytes && isRefused) section.count("answered as for the name of nothing");
  else violate(section, seen, `what the name of nothing is answered: ${nothing.bytes}`, controls.tenant);
}

function judgeIgnored(section: Section, { contract }: Operation, seen: Seen): void {
  if (seen.answer.status === contract.success.status) section.count("answered as if no other tenant had been named");
  else violate(section, seen, `${contract.success.status}, as without the header`, controls.contract);
}

/** Status, text and the names of the headers: nothing of a refusal may tell one target from another. */
function textOf({ bytes, answer }: Seen): string {
  return `${bytes} ${[...answer.headers.keys()].join()}`;
}

/** Whoever may, on their own: what was refused to others was fit to succeed. */
async function succeed(run: Run, section: Section, { operation, mine }: Prepared): Promise<void> {
  const { contract, name } = operation;
  for (const [caller, request] of mine) {
    const attempt = { operation: name, caller, credential: "own tenant's", target: "own" };
    const seen = await run.ask(attempt, contract, request, run.own);
    section.countDistinct("distinct (function, caller, credential, target)", Object.values(attempt).join("|"));
    if (seen.answer.status === contract.success.status) {
      section.count("succeeded on the caller's own (twins)");
      section.countDistinct("functions with a twin that succeeds", name);
    } else violate(section, seen, String(contract.success.status), controls.twin);
  }
}

async function expectUnchanged(
  run: Run,
  section: Section,
  { name }: Operation,
  before: readonly string[],
  what: string,
): Promise<void> {
  const after = (await states([run.own, run.foreign])).slice(-before.length);
  section.count("times the stored state was compared, byte by byte");
  if (after.join() === before.join()) return;
  const attempt = { operation: name, caller: "all", credential: "all", target: what };
  section.violate({
    ...attempt,
    expected: "unchanged, to the byte",
    got: difference(before, after),
    request: name,
    control: controls.unchanged,
  });
}

/** Where two texts begin to differ. */
function difference(before: readonly string[], after: readonly string[]): string {
  const [one, other] = [before.join(), after.join()];
  const at = Array.from(one).findIndex((letter, place) => letter !== other.charAt(place));
  return `… ${other.slice(Math.max(at - 60, 0), at + 60)} …`;
}
