import type { IncomingMessage, ServerResponse } from "node:http";
import { activityId } from "../../shared/tenancy/activityId.ts";
import { sendJson, targetOf } from "../http.ts";
import { CosmosError } from "./errors.ts";
import type { Fault, Faults } from "./faults.ts";
import type { RequestFilter, RequestLog } from "./requestLog.ts";

const PREFIX = "/_local/";

export const isAdmin = (request: IncomingMessage): boolean => request.url?.startsWith(PREFIX) === true;

function filterOf(search: URLSearchParams): RequestFilter | undefined {
  const since = search.get("since");
  const container = search.get("container");
  const partitionKey = search.get("partitionKey");
  const requestId = search.get("requestId");
  if ([since, container, partitionKey, requestId].every((given) => given === null)) return undefined;
  return {
    ...(since === null ? {} : { since: Number(since) }),
    ...(container === null ? {} : { container }),
    ...(partitionKey === null ? {} : { partitionKey }),
    ...(requestId === null ? {} : { activityId: activityId(requestId) }),
  };
}

/**
 * For tests in other processes, without a token:
 * - `POST /_local/faults` with a Fault, `GET` those pending, `DELETE` all;
 * - `GET /_local/counters?since=&container=&partitionKey=&requestId=` answers `{ latest, counters }`, `DELETE` resets;
 * - `GET /_local/requests` with the same filters answers the latest records: by `requestId` those of one request to the app.
 * Pages in a browser are refused: they could reach this port, too.
 */
export function handleAdmin(
  request: IncomingMessage,
  response: ServerResponse,
  text: string,
  { url, faults, requests }: { readonly url: string; readonly faults: Faults; readonly requests: RequestLog },
): void {
  const { pathname, searchParams } = targetOf(request);
  if (request.headers.origin !== undefined || `https://${request.headers.host ?? ""}` !== url) {
    sendJson(response, 403, { message: "Not for browsers." });
    return;
  }
  switch (`${request.method ?? ""} ${pathname.slice(PREFIX.length)}`) {
    case "POST faults":
      try {
        faults.add(JSON.parse(text) as Fault);
      } catch (error) {
        const message = error instanceof CosmosError ? error.message : "The body is not JSON.";
        sendJson(response, 400, { message });
        return;
      }
      sendJson(response, 201, { faults: faults.pending() });
      return;
    case "GET faults":
      sendJson(response, 200, { faults: faults.pending() });
      return;
    case "DELETE faults":
      faults.clear();
      sendJson(response, 200, { faults: [] });
      return;
    case "GET counters":
      sendJson(response, 200, { latest: requests.latest, counters: requests.counters(filterOf(searchParams)) });
      return;
    case "DELETE counters":
      requests.reset();
      sendJson(response, 200, { latest: requests.latest, counters: {} });
      return;
    case "GET requests":
      sendJson(response, 200, { latest: requests.latest, requests: requests.records(filterOf(searchParams)) });
      return;
    default:
      sendJson(response, 404, { message: "Unknown." });
  }
}
