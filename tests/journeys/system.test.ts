import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, inject, test } from "vitest";
import document from "../../docs/openapi.json" with { type: "json" };
import { api, expectApi } from "../support/tenant.ts";

const root = join(import.meta.dirname, "..", "..");

test("the process is alive, and everything that it depends on answers", async () => {
  expect((await expectApi("GET /health", 200)).body).toEqual({ status: "alive" });
  const ready = await expectApi("GET /health/ready", 200);
  expect(ready.body).toEqual({
    status: "ready",
    checks: ["database", "storage", "key-ring", "wrapping-key", "secrets", "tenancy-guard"].map((name) => ({
      name,
      ok: true,
    })),
  });
});

test("the API's description is served as it is written, with a strong ETag", async () => {
  const first = await expectApi("GET /v1/openapi.json", 200);
  expect(first.body).toEqual(document);
  const etag = first.headers.get("etag") ?? "";
  expect(etag).toMatch(/^"[^"]+"$/u);
  const again = await api("GET /v1/openapi.json", { headers: { "if-none-match": etag } });
  expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", etag]);
});

test("the description is what the contracts say", async () => {
  const script = join(root, "scripts", "openapi.ts");
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, "--check"]);
  expect([stdout, stderr]).toEqual(["", ""]);
});

test("every HTTP function is described, and nothing else", () => {
  const files = readdirSync(join(root, "functions"), { recursive: true, encoding: "utf8" });
  const registered = files
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .flatMap((file) => /app\.http\("(\w+)"/u.exec(readFileSync(join(root, "functions", file), "utf8"))?.[1] ?? []);
  const described = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
    (methods) => Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(described.toSorted()).toEqual(registered.filter((name) => name !== "preflight").sort());
  expect(inject("stack").functions).toEqual(expect.arrayContaining(registered));
});

test("every schema in the description is JSON Schema 2020-12 and every reference leads somewhere", () => {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    validateFormats: false,
    discriminator: true,
  });
  ajv.addSchema({ $id: "openapi", $defs: named(document.components.schemas) });
  let count = 0;
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== "object") return;
    for (const [name, member] of Object.entries(value)) {
      if (name === "$ref") expect(typeof resolve(String(member)), String(member)).toBe("object");
      if (name === "schema") {
        count++;
        expect(() => ajv.compile(named(member)), JSON.stringify(member).slice(0, 200)).not.toThrow();
      } else visit(member);
    }
  };
  visit(document);
  expect(count).toBeGreaterThan(Object.keys(document.paths).length);
});

function resolve(ref: string): unknown {
  return ref
    .slice(2)
    .split("/")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document);
}

/** The same schema, for a validator that knows the named ones as those of `openapi`. */
function named(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"openapi#/$defs/')) as object;
}

test("a preflight from nowhere that is allowed gets nothing", async () => {
  for (const path of ["/v1/surveys", "/v1/guest/videos/x/complete", "/"]) {
    const answer = await api(`OPTIONS ${path}`, { headers: { origin: "https://evil.example" } });
    expect(answer.status).toBe(204);
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  }
});

test("a guest link opens a page that runs nothing, loads nothing and tells nothing", async () => {
  const answer = await expectApi("GET /s", 200);
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; frame-ancestors 'none'/u);
  expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.text).toContain(`${inject("stack").apiUrl}/v1/guest/session`);
  expect(answer.text).not.toMatch(/<script|<img|<link|\son\w+=/iu);
});
