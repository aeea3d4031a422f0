import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestApp, buildApp, runApp } from "./testing/app.ts";

const functions = {
  echo: `import type { HttpRequest } from "@azure/functions";
    app.http("echo", { methods: ["POST", "PUT"], authLevel: "anonymous", route: "echo/{id:int}/{part?}",
      handler: async (request: HttpRequest) => ({ jsonBody: {
        method: request.method, url: request.url, params: request.params, query: Object.fromEntries(request.query),
        headers: Object.fromEntries(request.headers), text: await request.text() } }) });`,
  literal: `app.http("literal", { methods: ["GET"], route: "items/list", handler: () => ({ body: "list" }) });`,
  parameter: `app.http("parameter", { methods: ["GET", "HEAD", "OPTIONS"], route: "items/{id}",
      handler: (request) => ({ body: request.method + request.params.id, headers: { "x-a": "1" },
        cookies: [{ name: "c", value: "1 2", httpOnly: true, sameSite: "Strict", maxAge: 5 }] }) });`,
  rest: `app.http("rest", { methods: ["GET"], route: "files/{*path}", handler: (request) => ({ body: request.params.path }) });`,
  throws: `app.http("throws", { methods: ["GET"], handler: async () => { throw new Error("secret detail"); } });`,
  nothing: `app.http("nothing", { methods: ["GET"], handler: () => undefined });`,
  stream: `app.http("stream", { methods: ["GET"], handler: () => ({ status: 201, body: new ReadableStream({
      start(controller) { controller.enqueue(new TextEncoder().encode("one ")); controller.enqueue(new TextEncoder().encode("two")); controller.close(); } }) }) });`,
  off: `app.http("off", { methods: ["GET"], handler: () => ({ body: "on" }) });`,
  logs: `app.http("logs", { methods: ["GET"], handler: (_, context) => { context.warn("careful %s", "now"); context.debug("quiet"); return { status: 204 }; } });`,
  slow: `app.http("slow", { methods: ["GET"], handler: () => new Promise((resolve) => setTimeout(() => resolve({ body: "slow" }), 300)) });`,
  forever: `app.http("forever", { methods: ["GET"], handler: () => new Promise(() => undefined) });`,
  hooked: `app.hook.preInvocation((context) => { context.hookData.name = context.invocationContext.functionName; });
    app.hook.postInvocation((context) => { if (context.hookData.name === "hooked") context.result = { body: "from a hook" }; });
    app.http("hooked", { methods: ["GET"], handler: () => ({ body: "plain" }) });`,
  lifecycle: `app.hook.appStart(() => undefined);
    app.timer("tick", { schedule: "* * * * * *", retry: { strategy: "fixedDelay", maxRetryCount: 2, delayInterval: 100 },
      handler: (timer, context) => { context.log("tick", context.retryContext?.retryCount ?? "-", timer.isPastDue, timer.scheduleStatus.next.length);
        if ((context.retryContext?.retryCount ?? 0) < 1) throw new Error("again"); } });
    app.timer("idle", { schedule: "0 0 0 1 1 *", runOnStartup: true, handler: (_, context) => { context.log("idle ran"); } });
    app.timer("resting", { schedule: "%REST%", runOnStartup: true, handler: (_, context) => { context.log("resting ran"); } });`,
};

describe("the HTTP host", () => {
  let app: TestApp;
  let remove: () => Promise<void>;
  beforeAll(async () => {
    const built = await buildApp({
      functions,
      hostJson: {
        functionTimeout: "00:00:01",
        extensions: { http: { routePrefix: "", maxConcurrentRequests: 3, maxOutstandingRequests: 5 } },
      },
    });
    remove = built.remove;
    app = await runApp(
      { appDir: built.dir },
      {
        FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: "1000",
        "AzureWebJobs.off.Disabled": "true",
        "AzureWebJobs.resting.Disabled": "true",
        REST: "0 0 0 1 1 *",
      },
    );
  });
  afterAll(async () => {
    await app.stop();
    expect(app.noise()).toBe("");
    await remove();
  });
  const get = (path: string, init?: RequestInit) => fetch(app.url + path, init);

  test("lists every function, the disabled ones marked", () => {
    expect(app.functions.find(({ name }) => name === "off")).toEqual({
      name: "off",
      file: "dist/functions/app/off.js",
      trigger: "httpTrigger",
      disabled: true,
    });
    expect(app.functions).toHaveLength(15);
  });

  test("hands over method, url, parameters, headers and body", async () => {
    const response = await get("/echo/7/x%20y?q=1&q=2", {
      method: "POST",
      body: "hello",
      headers: { "x-forwarded-for": "203.0.113.9" },
    });
    const echoed = (await response.json()) as { headers: Record<string, string> };
    expect(echoed).toMatchObject({
      method: "POST",
      url: `${app.url}/echo/7/x%20y?q=1&q=2`,
      params: { id: "7", part: "x y" },
      query: { q: "2" },
      text: "hello",
    });
    expect(echoed.headers["x-forwarded-for"]).toMatch(/^203\.0\.113\.9, 127\.0\.0\.1:\d+$/u);
  });

  test("answers 404 where the path, the constraint or the method fits no function", async () => {
    const statuses = await Promise.all([get("/nowhere"), get("/echo/abc", { method: "POST" }), get("/echo/7")]);
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 404]);
  });

  test("answers 400 to a path that is no valid percent-encoding", async () => {
    expect((await get("/items/%E0%A4%A")).status).toBe(400);
  });

  test("takes routes by function name, and the rest of a path", async () => {
    const bodies = await Promise.all(
      ["/items/list", "/items/other", "/files/a/b"].map(async (path) => (await get(path)).text()),
    );
    expect(bodies).toEqual(["list", "GETother", "a/b"]);
  });

  test("runs HEAD and OPTIONS where registered only", async () => {
    const head = await get("/items/1", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "5", ""]);
    expect(await (await get("/items/1", { method: "OPTIONS" })).text()).toBe("OPTIONS1");
    expect((await get("/items/list", { method: "OPTIONS" })).status).toBe(200);
    expect((await get("/files/a", { method: "HEAD" })).status).toBe(404);
  });

  test("sets headers and cookies", async () => {
    const response = await get("/items/1");
    expect(response.headers.get("x-a")).toBe("1");
    expect(response.headers.getSetCookie()).toEqual(["c=1%202; Path=/; Max-Age=5; HttpOnly; SameSite=Strict"]);
  });

  test("turns a throw into an empty 500 and logs it", async () => {
    const response = await get("/throws");
    expect([response.status, await response.text()]).toEqual([500, ""]);
    expect(await app.logged("secret detail")).toMatchObject({ level: "error", function: "throws" });
  });

  test("answers 204 where nothing is returned", async () => {
    expect((await get("/nothing")).status).toBe(204);
  });

  test("sends a body given as a stream", async () => {
    const response = await get("/stream");
    expect([response.status, await response.text()]).toEqual([201, "one two"]);
  });

  test("fails for a body beyond the limit, as the host does", async () => {
    const long = "x".repeat(1001);
    expect((await get("/echo/1", { method: "PUT", body: long })).status).toBe(500);
    expect((await get("/echo/1", { method: "PUT", body: long.slice(1) })).status).toBe(200);
  });

  test("hands over no body whose length is not announced, as the host does", async () => {
    const body = new Blob(["hello"]).stream();
    const init = { method: "PUT", body, duplex: "half" } as const;
    const response = await get("/echo/1", init);
    expect(await response.json()).toMatchObject({ headers: { "transfer-encoding": "chunked" }, text: "" });
  });

  test("refuses too many or too large headers", async () => {
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, "1"]));
    expect((await get("/nothing", { headers: many })).status).toBe(431);
    expect((await get("/nothing", { headers: { "x-long": "x".repeat(33_000) } })).status).toBe(431);
  });

  test("refuses a request target that is no path", async () => {
    const { port } = new URL(app.url);
    const status = await new Promise((resolve, reject) => {
      request({ port, host: "127.0.0.1", path: "http://other.example/nothing" }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(400);
  });

  test("does not serve a disabled function", async () => {
    expect((await get("/off")).status).toBe(404);
  });

  test("logs what a function writes, by host.json's level", async () => {
    await get("/logs");
    const line = await app.logged("careful");
    expect(line).toMatchObject({ level: "warning", function: "logs", message: "careful now" });
    expect(line.invocationId).toMatch(/^[\da-f-]{36}$/u);
    expect(app.lines.some(({ message }) => message === "quiet")).toBe(false);
  });

  test("lets requests wait beyond maxConcurrentRequests and answers 429 beyond maxOutstandingRequests", async () => {
    const started = performance.now();
    const responses = await Promise.all(Array.from({ length: 8 }, () => get("/slow")));
    const statuses = responses.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect(performance.now() - started).toBeGreaterThan(500);
  });

  test("gives up a function that runs longer than functionTimeout", async () => {
    expect((await get("/forever")).status).toBe(500);
    expect(await app.logged("functionTimeout")).toMatchObject({ function: "forever" });
  });

  test("runs the app's hooks around a function", async () => {
    expect(await (await get("/hooked")).text()).toBe("from a hook");
  });

  test("fires a timer by its schedule and repeats it by its retry policy", async () => {
    expect(await app.logged("tick 0 false 24")).toMatchObject({ function: "tick" });
    await app.logged("tick 1 false 24");
  });

  test("runs a timer at start if told so, but not a disabled one", async () => {
    await app.logged("idle ran");
    expect(app.lines.some(({ message }) => message === "resting ran")).toBe(false);
  });

  test("runs any function but HTTP ones for an administrator", async () => {
    const run = (name: string, init?: RequestInit) =>
      get(`/admin/functions/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"input":""}',
        ...init,
      });
    expect((await run("RESTING")).status).toBe(202);
    await app.logged("resting ran");
    expect((await run("echo")).status).toBe(404);
    expect((await run("missing")).status).toBe(404);
    expect((await run("idle", { body: "{" })).status).toBe(400);
    expect((await run("idle", { body: '{"input":1}' })).status).toBe(400);
    expect((await run("idle", { headers: { "content-type": "text/plain" } })).status).toBe(400);
  });
});
