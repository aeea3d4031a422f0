import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokenPromises, send } from "../support/contracts.ts";
import { allowed, every, requestOn } from "./cases.ts";
import { type Side, callers, newSide, tokenOf } from "./side.ts";

let home: Side;
let elsewhere: Side;
beforeAll(async () => {
  [home, elsewhere] = await Promise.all([newSide(), newSide()]);
});
afterAll(async () => {
  expect(await brokenPromises()).toEqual([]);
});

describe.each(every())("%s", (_, operation) => {
  const { contract } = operation;
  const permitted = callers.filter((caller) => allowed(contract, caller));
  const refused = callers.filter((caller) => !allowed(contract, caller));

  test.each(permitted)("is for: %s", async (caller) => {
    // Who accepts an invitation is not a member there yet.
    const isAcceptance = contract.permission === "invitation:accept";
    const request = await requestOn(isAcceptance ? elsewhere : home, operation, caller);
    const token = isAcceptance ? await tokenOf(home, caller) : request.token;
    const { status, text } = await send(contract, { ...request, token });
    expect({ status, text: status < 400 ? "" : text }).toEqual({ status: contract.success.status, text: "" });
  });

  if (refused.length > 0)
    test("is for nobody else", async () => {
      const request = await requestOn(home, operation);
      for (const caller of refused) {
        const { status, body } = await send(contract, { ...request, token: await tokenOf(home, caller) });
        const expected = caller === "anonymous" ? [401, "unauthenticated"] : [403, "forbidden"];
        expect([caller, status, body["code"]]).toEqual([caller, ...expected]);
      }
      // The request was fit to succeed.
      expect((await send(contract, request)).status).toBe(contract.success.status);
    });
});
