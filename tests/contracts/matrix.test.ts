import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Scope, scopes } from "../../shared/keys/apiKey.ts";
import type { Policy } from "../../shared/auth/policies.ts";
import { parameterNames } from "../../shared/triggers/contract.ts";
import { type Operation, type Request, brokenPromises, bytes, operations, send } from "../support/contracts.ts";
import { allowed, callerFor, every, requestOn } from "./cases.ts";
import { type CallerName, type Side, callers, newKey, newSide, tokenOf } from "./side.ts";
import { notFound, strays } from "./strays.ts";

/** A caller of the matrix; a service key has exactly the operation's scope, or `unscoped` every other one. */
type Column = CallerName | "unscoped";
const columns: readonly Column[] = [...callers, "unscoped"];

let home: Side;
let elsewhere: Side;
/** Service keys by the scope that they alone have, and by the one that they alone lack. */
let having: ReadonlyMap<string, string>;
let lacking: ReadonlyMap<string, string>;
/** A request on things of the own tenant, on the other's, and on further ones of the own. They are never granted. */
let prepared: ReadonlyMap<string, Readonly<Record<"mine" | "other" | "sibling", Request>>>;

beforeAll(async () => {
  [home, elsewhere] = await Promise.all([newSide(), newSide()]);
  const keys = async (of: (scope: Scope) => readonly Scope[]) => {
    const made = scopes.map(async (scope) => {
      const { credential } = await newKey(home.people.owner.token, of(scope));
      return [scope, credential] as const;
    });
    return new Map<string, string>(await Promise.all(made));
  };
  having = await keys((scope) => [scope]);
  lacking = await keys((scope) => scopes.filter((other) => other !== scope));
  const preparing = operations.map(async (operation) => {
    const [mine, other, sibling] = await Promise.all([
      requestOn(home, operation),
      requestOn(elsewhere, operation),
      requestOn(home, operation),
    ]);
    return [operation.name, { mine, other, sibling }] as const;
  });
  prepared = new Map(await Promise.all(preparing));
});
afterAll(async () => {
  expect(await brokenPromises()).toEqual([]);
});

const asked = ({ name }: Operation) => {
  const requests = prepared.get(name);
  if (requests === undefined) throw new Error(`nothing is prepared for ${name}`);
  return requests;
};

function permits({ contract }: Operation, column: Column): boolean {
  return column === "unscoped" ? contract.permission === "public" : allowed(contract, column);
}

/** Operations that ask for more scopes than their own: a key gives nobody what it has not. */
const askingForMore = ["addMember"];

async function bearer(column: Column, { name, contract: { permission } }: Operation): Promise<string | undefined> {
  if (column === "service") return (askingForMore.includes(name) ? undefined : having.get(permission)) ?? home.service;
  if (column === "unscoped") return lacking.get(permission) ?? home.service;
  return await tokenOf(home, column);
}

/** A request that succeeds once, on what the caller may act on. */
async function ownRequest(operation: Operation, column: Column): Promise<Request> {
  const caller = column === "unscoped" ? callerFor(operation) : column;
  // Who accepts an invitation is not a member there yet.
  const side = operation.contract.permission === "invitation:accept" ? elsewhere : home;
  const request = await requestOn(side, operation, caller);
  // A guest's or support's request is of the one whose survey it made.
  return caller === "guest" || caller === "support" ? request : { ...request, token: await bearer(column, operation) };
}

/** Those who reach what others of their tenant see to or have started, where not everybody does. */
const reachingAll = {
  assigned: ["owner", "admin", "auditor", "service"],
  startedIt: ["owner", "admin", "operator"],
} as const satisfies Partial<Record<Policy, readonly Column[]>>;

/** Somebody of the role who has nothing to do with what is prepared. */
async function uninvolved(column: Column, operation: Operation): Promise<string | undefined> {
  return column === "surveyor" ? home.colleague.token : await bearer(column, operation);
}

/** What a refused caller is told, whatever they ask for. */
const refusal = (column: Column) => (column === "anonymous" ? [401, "unauthenticated"] : [403, "forbidden"]);

describe.each(every())("%s", (_, operation) => {
  const { contract } = operation;
  const { policy } = contract;
  const named = parameterNames(contract.route).length > 0;
  const permitted = columns.filter((column) => permits(operation, column));
  const refused = columns.filter((column) => !permits(operation, column));

  test.each(permitted)("is for: %s", async (column) => {
    const { status, text } = await send(contract, await ownRequest(operation, column));
    expect({ status, text: status < 400 ? "" : text }).toEqual({ status: contract.success.status, text: "" });
  });

  if (named)
    test.each(permitted)("finds nothing of another tenant, of nothing, of what is no id, for: %s", async (column) => {
      const { mine, other, sibling } = asked(operation);
      const token = column === "guest" ? mine.token : await bearer(column, operation);
      for (const [label, stray] of strays(mine, other, sibling))
        expect([label, bytes(await send(contract, { ...stray, token }))]).toEqual([label, notFound]);
    });

  if (policy === "assigned" || policy === "startedIt")
    test.each(permitted)("reaches what others see to, or finds nothing, by its policy: %s", async (column) => {
      const maker = column === "operator" ? "operator" : "owner";
      const request = await requestOn(home, operation, maker);
      const answer = await send(contract, { ...request, token: await uninvolved(column, operation) });
      const reaching: readonly Column[] = reachingAll[policy];
      if (reaching.includes(column)) expect(answer.status).toBe(contract.success.status);
      else expect(bytes(answer)).toBe(notFound);
    });

  if (policy === "ownVideo")
    test.each(permitted)("finds nothing of another guest of the same tenant, for: %s", async () => {
      const { mine, sibling } = asked(operation);
      expect(bytes(await send(contract, { ...mine, token: sibling.token }))).toBe(notFound);
    });

  if (refused.length > 0)
    test("is for nobody else, whether the thing is theirs, another's or nobody's", async () => {
      const { mine, other, sibling } = asked(operation);
      const targets: readonly (readonly [string, Request])[] = [["own", mine], ...strays(mine, other, sibling)];
      for (const column of refused) {
        const token = await bearer(column, operation);
        for (const [label, target] of targets) {
          const { status, body, text } = await send<{ code?: string } | undefined>(contract, { ...target, token });
          expect([column, label, status, body?.code ?? text]).toEqual([column, label, ...refusal(column)]);
        }
      }
      // The request was fit to succeed.
      const twin = await requestOn(home, operation);
      expect((await send(contract, twin)).status).toBe(contract.success.status);
    });
});
