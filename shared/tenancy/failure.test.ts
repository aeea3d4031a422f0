import { ErrorResponse } from "@azure/cosmos";
import { describe, expect, it } from "vitest";
import { TenancyViolation, openBoundary } from "./boundary.ts";
import { failureOf, reading } from "./failure.ts";

const answer = (code: unknown) => Object.assign(new ErrorResponse("no"), { code });
const wrapped = (cause: unknown) => new Error("the SDK's words", { cause });

const table: readonly (readonly [string, readonly unknown[]])[] = [
  ["refused", [400, 401, 403, 404, 409, 412, 413, 499]],
  ["throttled", [429]],
  ["lost", [399, 408, 410, 449, 500, 503, "ETIMEDOUT", undefined]],
];

describe("what a failed request means", () => {
  const cases = table.flatMap(([failure, codes]) => codes.map((code) => [failure, code] as const));
  it.each(cases)("is %s for an answer with %s, in the SDK's wrapping as well", (failure, code) => {
    expect(failureOf(answer(code))).toBe(failure);
    expect(failureOf(wrapped(answer(code)))).toBe(failure);
  });

  it("is refused where the guard stopped it", () => {
    expect(failureOf(new TenancyViolation("no"))).toBe("refused");
    expect(failureOf(wrapped(new TenancyViolation("no")))).toBe("refused");
  });

  it.each([new Error("reset"), wrapped(new Error("reset")), "text", undefined, { code: 404 }])(
    "is lost where nothing answered: %s",
    (error) => {
      expect(failureOf(error)).toBe("lost");
    },
  );
});

describe("a read that fails", () => {
  const failing = (error: Error) => openBoundary("r", () => reading(["t"], () => Promise.reject(error)));

  it("throws what it was refused with, and is unavailable otherwise", async () => {
    const [refused, lost] = [answer(400), answer(503)];
    await expect(failing(refused)).rejects.toBe(refused);
    await expect(failing(lost)).rejects.toMatchObject({ code: "unavailable", details: { retryAfter: 2, cause: lost } });
    await expect(failing(answer(429))).rejects.toMatchObject({ code: "unavailable" });
  });

  it("gives up by itself where it is not answered", async () => {
    const signal = await openBoundary("r", () => reading(["t"], ({ abortSignal }) => Promise.resolve(abortSignal)));
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(signal.aborted).toBe(false);
  });
});
