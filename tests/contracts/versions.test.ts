import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Contract } from "../../shared/triggers/contract.ts";
import { type Request, brokenPromises, send } from "../support/contracts.ts";
import { every, requestOn } from "./cases.ts";
import { type Side, newSide } from "./side.ts";

let side: Side;
beforeAll(async () => {
  side = await newSide();
});
afterAll(async () => {
  expect(await brokenPromises()).toEqual([]);
});

const strong = /^"[\w.-]+\.[\w-]{11}"$/u;

describe.each(every(({ contract }) => contract.success.etag === true))("%s", (_, operation) => {
  const { contract } = operation;

  test("answers with an ETag", async () => {
    const answer = await send(contract, await requestOn(side, operation));
    expect(answer.status).toBe(contract.success.status);
    expect(answer.headers.get("etag")).toMatch(strong);
  });

  if (contract.method === "GET")
    test("does not send again what the caller has", async () => {
      const request = await requestOn(side, operation);
      const tag = (await send(contract, request)).headers.get("etag") ?? "";
      const asked = async (known: string) => await send(contract, { ...request, headers: { "if-none-match": known } });
      for (const known of [tag, `W/${tag}`, `"another", ${tag}`, "*"]) {
        const { status, text, headers } = await asked(known);
        expect([status, text, headers.get("etag")]).toEqual([304, "", tag]);
      }
      for (const known of ['"another"', '""', tag.replaceAll('"', "")]) {
        const { status, headers } = await asked(known);
        expect([status, headers.get("etag")]).toEqual([200, tag]);
      }
    });
});

test.each(every(({ contract }) => contract.success.etag !== true))("%s has no ETag", async (_, operation) => {
  const { status, headers } = await send(operation.contract, await requestOn(side, operation));
  expect([status, headers.get("etag")]).toEqual([operation.contract.success.status, null]);
});

test.each(every(({ contract }) => contract.success.location === true))(
  "%s answers with a Location",
  async (_, operation) => {
    const request = await requestOn(side, operation);
    const { headers } = await send(operation.contract, request);
    const { status } = await fetch(headers.get("location") ?? "", {
      headers: { authorization: `Bearer ${request.token ?? ""}` },
    });
    expect(status).toBe(200);
  },
);

describe.each(every(({ contract }) => contract.precondition !== undefined))("%s", (_, operation) => {
  const { contract } = operation;
  const changed = async (request: Request, headers: Record<string, string>) => {
    const answer = await send<{ code?: string } | undefined>(contract, { ...request, headers });
    return [answer.status, answer.body?.code] as const;
  };
  const shown = async ({ method: _method, ...read }: Contract, request: Request) =>
    (await send({ ...read, method: "GET" }, { ...request, body: undefined, headers: {} })).text;

  test("wants the version that was read, and changes nothing without it", async () => {
    const request = await requestOn(side, operation);
    const { "if-match": tag = "" } = request.headers ?? {};
    expect(tag).toMatch(strong);
    const before = await shown(contract, request);
    expect(await changed(request, {})).toEqual([428, "precondition_required"]);
    for (const malformed of ["", tag.replaceAll('"', ""), `${tag}, ${tag}`, "*"])
      expect([malformed, ...(await changed(request, { "if-match": malformed }))]).toEqual([
        malformed,
        400,
        "invalid_precondition",
      ]);
    for (const another of ['"another"', `W/${tag}`, tag.replace(/^"/u, '"0')])
      expect([another, ...(await changed(request, { "if-match": another }))]).toEqual([another, 412, "stale"]);
    if (contract.precondition === "match-or-create") {
      expect(await changed(request, { "if-none-match": tag })).toEqual([400, "invalid_precondition"]);
      expect(await changed(request, { "if-none-match": "*" })).toEqual([412, "stale"]);
    }
    expect(await shown(contract, request)).toBe(before);
    expect(await changed(request, { "if-match": tag })).toEqual([contract.success.status, undefined]);
    expect(await changed(request, { "if-match": tag })).toEqual([412, "stale"]);
  });

  test("lets one of two win who read the same version", async () => {
    const request = await requestOn(side, operation);
    const statuses = await Promise.all([send(contract, request), send(contract, request), send(contract, request)]);
    expect(statuses.map(({ status }) => status).sort()).toEqual([contract.success.status, 412, 412]);
  });
});
