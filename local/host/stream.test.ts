import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestApp, buildApp, runApp } from "./testing/app.ts";

const functions = {
  setup: `app.setup({ enableHttpStream: true });`,
  upper: `app.http("upper", { methods: ["POST"], route: "upper/{id}", handler: async (request) => {
    const reader = request.body.pipeThrough(new TextDecoderStream()).getReader();
    return { status: 201, headers: { "x-id": request.params.id, "x-for": request.headers.get("x-forwarded-for") }, body: new ReadableStream({
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close(); else controller.enqueue(new TextEncoder().encode(value.toUpperCase()));
      } }) };
  } });`,
  throws: `app.http("throws", { methods: ["GET"], handler: () => { throw new Error("broken"); } });`,
};

describe("an app with enableHttpStream", () => {
  let app: TestApp;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    const built = await buildApp({ functions });
    remove = built.remove;
    app = await runApp({ appDir: built.dir }, { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: "1000" });
  });
  afterAll(async () => {
    await app.stop();
    await remove();
  });

  test("reads and answers before the request has ended", async () => {
    const { readable, writable } = new TransformStream<string, string>();
    const writer = writable.getWriter();
    void writer.write("one ");
    const init = { method: "POST", body: readable.pipeThrough(new TextEncoderStream()), duplex: "half" } as const;
    const response = await fetch(`${app.url}/api/upper/5`, init);
    expect([response.status, response.headers.get("x-id")]).toEqual([201, "5"]);
    expect(response.headers.get("x-for")).toMatch(/^127\.0\.0\.1:\d+$/u);
    await writer.write("two");
    await writer.close();
    expect(await response.text()).toBe("ONE TWO");
  });

  test("answers 500 when the handler throws and 413 beyond the limit", async () => {
    const response = await fetch(`${app.url}/api/throws`);
    expect([response.status, await response.text()]).toEqual([500, ""]);
    await app.logged("broken");
    expect((await fetch(`${app.url}/api/upper/5`, { method: "POST", body: "x".repeat(1001) })).status).toBe(413);
  });
});
