import { expectApi } from "../support/tenant.ts";
import { requestOn } from "../contracts/cases.ts";
import { newOpenSurvey } from "../contracts/side.ts";
import { isToken, namesIn } from "../contracts/strays.ts";
import { type Operation, type Request, operations } from "../support/contracts.ts";
import { isRefusal } from "./holders.ts";
import type { Section } from "./ledger.ts";
import { type Run, inParallel, violate } from "./run.ts";
import { type Tampered, mixtures } from "./tampering.ts";

const control =
  "a one-time token that proves less than it opens: shared/protection/oneTimeToken.ts, shared/auth/guestSession.ts, shared/auth/invitation.ts";

/** Links and one-time tokens: altered, mixed, of the wrong kind, replaced. Only the genuine one opens anything. */
export async function tokens(run: Run, section: Section, onProgress: (share: number) => void): Promise<void> {
  const taking = run.operations.filter((operation) => namesIn(operation).some(isToken));
  for (const [at, operation] of taking.entries()) {
    await tamper(run, section, operation, taking);
    onProgress((at + 1) / (taking.length + 1));
  }
  await replace(run, section);
}

function tokenIn({ body }: Request): string {
  return (body as { token: string }).token;
}

async function tamper(run: Run, section: Section, operation: Operation, taking: readonly Operation[]): Promise<void> {
  const { own, foreign, random } = run;
  const [mine, theirs] = await Promise.all([requestOn(own, operation), requestOn(foreign, operation)]);
  const others = await Promise.all(taking.filter((other) => other !== operation).map((other) => requestOn(own, other)));
  const tampered: readonly Tampered[] = [
    ...mixtures(tokenIn(mine), tokenIn(theirs), random),
    ...others.map((other) => ({ flaw: "for another use", text: tokenIn(other) })),
    { flaw: "invented", text: "garbage" },
  ];
  const ask = async (flaw: string, request: Request) => {
    const attempt = { operation: operation.name, caller: "who holds it", credential: flaw, target: "own" };
    return await run.ask(attempt, operation.contract, request, own);
  };
  const invented = await ask("invented", { ...mine, body: { token: "garbage" } });
  await inParallel(tampered, async ({ flaw, text }) => {
    const seen = await ask(flaw, { ...mine, body: { token: text } });
    section.countDistinct("kinds of tampering", flaw);
    if (seen.answer.status === 401 && seen.bytes === invented.bytes) section.count("tampered tokens refused (401)");
    else violate(section, seen, invented.bytes, control);
  });
  const genuine = await ask("genuine", mine);
  if (genuine.answer.status === operation.contract.success.status) section.count("genuine ones taken (twins)");
  else violate(section, genuine, String(operation.contract.success.status), control);
}

/** A replaced link opens nothing, and ends the sessions that it opened. */
async function replace(run: Run, section: Section): Promise<void> {
  const { surveyId, linkToken, guest } = await newOpenSurvey(run.own);
  await expectApi(`POST /v1/surveys/${surveyId}/links`, 201, {
    token: run.own.people.owner.token,
    body: { channel: "none" },
  });
  const byLink = operations.find(({ name }) => name === "openGuestSession");
  const reading = operations.find(({ name }) => name === "getGuestSurvey");
  for (const [operation, request] of [
    [byLink, { body: { token: linkToken } }],
    [reading, { token: guest }],
  ] as const) {
    if (operation === undefined) throw new TypeError("there is no such operation");
    const attempt = { operation: operation.name, caller: "guest", credential: "of a replaced link", target: "own" };
    const seen = await run.ask(attempt, operation.contract, request, run.own);
    if (isRefusal(seen.answer, "link_replaced")) section.count("replaced links refused (410)");
    else violate(section, seen, "410 link_replaced", control);
  }
}
