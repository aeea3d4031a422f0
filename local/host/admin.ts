import type { IncomingMessage, ServerResponse } from "node:http";
import { TooLarge, readText, sendJson } from "../http.ts";
import type { AppFunction } from "./app.ts";
import { type HostLog, describe } from "./log.ts";
import type { Trigger } from "./trigger.ts";

/**
 * `POST /admin/functions/<name>` with `{"input": "…"}` runs a function that HTTP does not trigger, disabled ones too, and
 * answers 202 before it ends, as the Functions host does. It needs no key here; that it takes JSON only keeps web pages out.
 */
export function createAdmin(triggers: ReadonlyMap<AppFunction, Trigger>, log: HostLog) {
  return async (request: IncomingMessage, response: ServerResponse, path: string): Promise<void> => {
    const name = /^\/admin\/functions\/(?<name>[\w-]+)$/iu.exec(path)?.groups?.["name"]?.toLowerCase();
    const found = [...triggers].find(([fn]) => fn.name.toLowerCase() === name);
    if (found === undefined) {
      sendJson(response, 404, { message: "No function that can be run by POST /admin/functions/<name>." });
      return;
    }
    if (request.method !== "POST" || !/^application\/json\b/iu.test(request.headers["content-type"] ?? "")) {
      sendJson(response, 400, { message: 'POST application/json, e.g. {"input": ""}.' });
      return;
    }
    const input = await inputOf(request);
    if (input === undefined) {
      sendJson(response, 400, { message: 'The body must be {"input": "<text>"}.' });
      return;
    }
    const [fn, trigger] = found;
    trigger.runOnce(input).catch((error: unknown) => {
      log.host("warning", `The run for an administrator ended: ${describe(error)}`, fn.name);
    });
    response.writeHead(202, { "content-length": 0 });
    response.end();
  };
}

async function inputOf(request: IncomingMessage): Promise<string | undefined> {
  try {
    const body = JSON.parse(await readText(request)) as { input?: unknown } | null;
    const input = body?.input ?? "";
    return typeof input === "string" ? input : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TooLarge) return undefined;
    throw error;
  }
}
