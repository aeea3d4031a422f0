import { InvocationContext } from "@azure/functions";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

const settings = {
  API_PUBLIC_URL: "https://localhost",
  GUEST_LINK_URL: "https://localhost/s",
  COSMOS__accountEndpoint: "https://localhost",
  COSMOS_DATABASE: "unused",
  DATA_ACCOUNT: "unused",
  DATA__blobServiceUri: "https://localhost",
  DATA__queueServiceUri: "https://localhost",
  VAULT_URL: "https://localhost",
  OIDC_ISSUER: "https://localhost",
  OIDC_AUDIENCE: "unused",
  OIDC_TENANT_CLAIM: "unused",
  MAIL_ENDPOINT: "https://localhost",
  MAIL_SENDER: "unused",
  MALWARE_GATE: "off",
};
const personal = "anna.meier@example.com";

/** The module as it is in an environment: settings are read once. */
async function inEnvironment(environment: string, role: string) {
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  vi.stubEnv("CALLPILOT_ENVIRONMENT", environment);
  vi.stubEnv("CALLPILOT_ROLE", role);
  vi.resetModules();
  return await import("./logLine.ts");
}
beforeEach(() => {
  vi.unstubAllEnvs();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const errors = [
  new Error(`no ${personal}`),
  new Error(`first line\n    at ${personal} (somewhere)\n    at again ${personal}`),
  new TypeError(personal, { cause: new Error(personal) }),
  Object.assign(new Error("changed"), { message: personal }),
  Object.assign(new Error(personal), { stack: personal }),
  Object.assign(new Error(personal), { code: { text: personal } }),
  personal,
  { message: personal },
];

it("says of an error what it is and where it happened, and nothing that somebody wrote", async () => {
  const { errorFields } = await inEnvironment("production", "api");
  for (const error of errors) expect(JSON.stringify(errorFields(error))).not.toContain(personal);
  const fields = errorFields(Object.assign(new RangeError(personal), { code: "ECONNRESET" }));
  expect(fields).toMatchObject({ error: "RangeError", code: "ECONNRESET" });
  expect(fields.at?.length).toBeGreaterThan(0);
  expect(fields.at?.length).toBeLessThanOrEqual(8);
  expect(fields.at?.[0]).toContain("logLine.test.ts");
});

it("says of what led to an error as little, and not without end", async () => {
  const { errorFields } = await inEnvironment("production", "api");
  const lost = Object.assign(new RangeError(personal, { cause: new TypeError(personal) }), { code: "ECONNRESET" });
  expect(errorFields(new Error(personal, { cause: lost })).causes).toEqual(["RangeError ECONNRESET", "TypeError"]);
  expect(errorFields(new Error(personal, { cause: personal }))).not.toHaveProperty("causes");
  expect(errorFields(new AggregateError([lost, personal, lost], personal))).toMatchObject({
    error: "AggregateError",
    causes: ["RangeError ECONNRESET", "RangeError ECONNRESET"],
  });
  const circle = new Error(personal);
  circle.cause = circle;
  expect(errorFields(circle).causes).toHaveLength(4);
});

it("shows messages on the developer's own machine", async () => {
  const { errorFields } = await inEnvironment("local", "all");
  expect(errorFields(new Error("what went wrong")).error).toBe("Error: what went wrong");
});

it("writes one line of JSON, whatever is in it", async () => {
  const { logOf } = await inEnvironment("production", "api");
  const lines: unknown[] = [];
  const context = new InvocationContext({
    functionName: "test",
    logHandler: (level, ...line) => lines.push([level, ...line]),
  });
  logOf(context)("warn", { event: "x", target: 'a\nb"\u2028{' });
  expect(lines).toEqual([["warning", JSON.stringify({ event: "x", target: 'a\nb"\u2028{', function: "test" })]]);
  expect(String((lines[0] as unknown[])[1])).not.toMatch(/\n/u);
});
