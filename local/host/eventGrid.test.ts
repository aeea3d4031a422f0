import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestApp, buildApp, runApp } from "./testing/app.ts";

const source = `app.eventGrid("hear", {
  handler: (event, context) => {
    if (event.data.fails) throw new Error("not now");
    context.log("heard", event.id, event.data.text);
  },
});`;

let app: TestApp;
let built: Awaited<ReturnType<typeof buildApp>>;
beforeAll(async () => {
  built = await buildApp({ functions: { hear: source } });
  app = await runApp({ appDir: built.dir });
});
afterAll(async () => {
  expect(app.noise()).toBe("");
  await app.stop();
  await built.remove();
});

const post = (body: unknown, { type = "Notification", name = "hear", contentType = "application/json" } = {}) =>
  fetch(`${app.url}/runtime/webhooks/EventGrid?functionName=${name}`, {
    method: "POST",
    headers: { "content-type": contentType, "aeg-event-type": type },
    body: JSON.stringify(body),
  });
const event = (id: string, data: object) => ({ id, eventType: "Test", subject: "any", data });

test("each event of a delivery runs the function", async () => {
  const answer = await post([event("one", { text: "first" }), event("two", { text: "second" })]);
  expect(answer.status).toBe(202);
  await app.logged("heard one first");
  await app.logged("heard two second");
});

test("a function that fails asks for the delivery again", async () => {
  expect((await post([event("three", { text: "third" }), event("four", { fails: true })])).status).toBe(500);
  await app.logged("not now");
});

test("a subscription is validated by its code", async () => {
  const answer = await post([event("five", { validationCode: "a code" })], { type: "SubscriptionValidation" });
  expect(await answer.json()).toEqual({ validationResponse: "a code" });
});

test("what is no delivery to such a function is refused", async () => {
  expect((await post([], { name: "nobody" })).status).toBe(404);
  expect((await post({})).status).toBe(400);
  expect((await post([], { contentType: "text/plain" })).status).toBe(400);
});
