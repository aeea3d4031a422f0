import type { IncomingMessage, ServerResponse } from "node:http";
import { TooLarge, readText, sendJson } from "../http.ts";
import type { AppFunction } from "./app.ts";
import type { Trigger, TriggerHost } from "./trigger.ts";

/** Runs the function for each event that is posted to it; who posted it delivers again after a failure. */
export function createEventGridTrigger(fn: AppFunction, host: TriggerHost): Trigger {
  return {
    start: () => Promise.resolve(),
    runOnce: async (input) => {
      await host.invoker.invoke(fn, { data: { json: input } });
    },
  };
}

export const eventGridPath = "/runtime/webhooks/eventgrid";

/**
 * The extension's webhook, `POST /runtime/webhooks/EventGrid?functionName=<name>`: a validation of the subscription is
 * answered with its code, each event of a notification (Event Grid schema) runs the function, and 500 asks for all of them
 * again. It needs no key here; that it takes JSON only keeps web pages out.
 */
export function createEventGridWebhook(triggers: ReadonlyMap<AppFunction, Trigger>) {
  return async (request: IncomingMessage, response: ServerResponse, target: URL): Promise<void> => {
    const name = target.searchParams.get("functionName")?.toLowerCase();
    const found = [...triggers].find(
      ([fn]) => fn.trigger.type === "eventGridTrigger" && !fn.disabled && fn.name.toLowerCase() === name,
    );
    if (found === undefined) {
      sendJson(response, 404, { message: "No function with an Event Grid trigger has that name." });
      return;
    }
    const events = request.method === "POST" ? await eventsOf(request) : undefined;
    if (events === undefined) {
      sendJson(response, 400, { message: "POST application/json, a list of events in the Event Grid schema." });
      return;
    }
    if (request.headers["aeg-event-type"] === "SubscriptionValidation") {
      const [first] = events as { readonly data?: { readonly validationCode?: unknown } }[];
      sendJson(response, 200, { validationResponse: first?.data?.validationCode });
      return;
    }
    const [, trigger] = found;
    const runs = await Promise.allSettled(events.map((event) => trigger.runOnce(JSON.stringify(event))));
    response.writeHead(runs.some(({ status }) => status === "rejected") ? 500 : 202, { "content-length": 0 });
    response.end();
  };
}

async function eventsOf(request: IncomingMessage): Promise<readonly unknown[] | undefined> {
  if (!/^application\/json\b/iu.test(request.headers["content-type"] ?? "")) return undefined;
  try {
    const body: unknown = JSON.parse(await readText(request));
    return Array.isArray(body) ? body : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TooLarge) return undefined;
    throw error;
  }
}
