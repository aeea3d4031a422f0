import type { HttpRequest, HttpResponseInit, InvocationContext } from "@azure/functions";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { stubSettings } from "../settingsForTests.ts";
import { preflight } from "./preflight.ts";

beforeAll(() => {
  stubSettings({ CORS_ORIGINS: "https://app.example" });
});
afterAll(() => {
  vi.unstubAllEnvs();
});

async function headersFor(origin: string): Promise<Record<string, string>> {
  const request = { headers: new Headers({ origin }) } as unknown as HttpRequest;
  const answer = (await preflight().handler(request, {} as unknown as InvocationContext)) as HttpResponseInit;
  expect(answer.status).toBe(204);
  return answer.headers as Record<string, string>;
}

test("a page of an allowed origin is told what it may send", async () => {
  const headers = await headersFor("https://app.example");
  expect(headers["access-control-allow-origin"]).toBe("https://app.example");
  expect(headers["access-control-allow-methods"]).toBe("GET, POST, PUT, PATCH, DELETE");
  expect(headers["access-control-allow-headers"]?.split(", ")).toEqual(
    expect.arrayContaining(["authorization", "content-type", "idempotency-key", "if-match"]),
  );
  expect(headers["vary"]).toBe("Origin");
});

test.each(["https://evil.example", "https://app.example.evil.example", "http://app.example", "null", ""])(
  "a page of %s is told nothing",
  async (origin) => {
    const names = Object.keys(await headersFor(origin));
    expect(names.filter((name) => name.startsWith("access-control"))).toEqual([]);
  },
);
