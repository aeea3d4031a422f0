import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, call } from "../../local/client.ts";
import { securityHeaders } from "../../shared/web/headers.ts";
import { api } from "../support/tenant.ts";
import { type Request, send } from "../support/contracts.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { every, requestOn } from "./cases.ts";
import { type Side, newSide } from "./side.ts";

let side: Side;
beforeAll(async () => {
  side = await newSide();
});

/** A page may use its own style; nothing else differs. */
const { "content-security-policy": policy = "", ...others } = securityHeaders;

function expectProtected({ headers }: Answer): void {
  for (const [name, value] of Object.entries(others)) expect([name, headers.get(name)]).toEqual([name, value]);
  const own = headers.get("content-security-policy") ?? "";
  expect(own.replace(/ style-src 'sha256-[\w+/]{43}=';/u, "")).toBe(policy);
  expect(headers.get("x-request-id")).toMatch(/^[\w.-]{8,64}$/u);
  expect(headers.get("server")).toBeNull();
  expect(headers.get("x-powered-by")).toBeNull();
}

describe.each(every())("%s", (_, operation) => {
  const { contract } = operation;
  let request: Request;
  beforeAll(async () => {
    request = await requestOn(side, operation);
  });

  test("protects its answers, whatever they are", async () => {
    const strange = await send(contract, { ...request, query: { ...request.query, "<script>": "1" } });
    expect(strange.status).toBe(400);
    expectProtected(strange);
    if (contract.permission !== "public") {
      const unknown = await send(contract, { ...request, token: undefined });
      expect([unknown.status, unknown.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expectProtected(unknown);
    }
    const right = await send(contract, request);
    expect(right.status).toBe(contract.success.status);
    expectProtected(right);
    const etag = right.headers.get("etag");
    if (contract.method !== "GET" || etag === null) return;
    const same = await send(contract, { ...request, headers: { "if-none-match": etag } });
    expect([same.status, same.text]).toEqual([304, ""]);
    expectProtected(same);
  });
});

test.each([
  ["GET", "/v1/nothing-here"],
  ["DELETE", "/v1/tenant"],
  ["PUT", "/v1/surveys"],
  ["GET", "/v1/../../etc/passwd"],
  ["GET", "/v1/surveys/%zz"],
])("the host's own answer has nothing to protect: %s %s", async (method, path) => {
  const { status, text } = await call(stackUnderTest(), `${method} ${path}`);
  expect([status >= 400 && status < 500, text]).toEqual([true, ""]);
});

test("a preflight's answer is protected as well", async () => {
  const { headers } = await api("OPTIONS /v1/surveys", { headers: { origin: "https://evil.example" } });
  for (const [name, value] of Object.entries(securityHeaders)) expect(headers.get(name)).toBe(value);
});
