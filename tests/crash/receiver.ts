import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { listen, stop } from "../../local/service.ts";
import type { Random } from "../certify/random.ts";

/** Requests that a tenant's server got, by webhook id; of each what its body said. */
export type Received = Map<string, { readonly path: string; readonly body: string; times: number }>;

export interface Receiver extends AsyncDisposable {
  readonly received: Received;
  /** Requests with an id that was there before, with another body. */
  readonly changed: readonly string[];
  /** Requests that got no 2xx from it. */
  readonly refused: () => number;
  /** Takes whatever comes from now on. */
  readonly beKind: () => void;
}

/** The server that webhooks go to: most it takes, some it answers with 500 or not at all. */
export async function startReceiver(origin: string, random: Random): Promise<Receiver> {
  const received: Received = new Map();
  const changed: string[] = [];
  let [refused, kind] = [0, false];
  const server = createServer((request, response) => {
    void text(request).then(
      (body) => {
        const id = String(request.headers["webhook-id"]);
        const known = received.get(id) ?? { path: request.url ?? "", body, times: 0 };
        if (known.body !== body) changed.push(id);
        known.times++;
        received.set(id, known);
        const luck = kind ? 20 : random.below(20);
        if (luck < 3) refused++;
        if (luck === 0) request.socket.destroy();
        else response.writeHead(luck < 3 ? 500 : 204).end();
      },
      // The sender was killed before its request was whole.
      () => undefined,
    );
  });
  await listen(server, Number(new URL(origin).port), "webhook receiver");
  return {
    received,
    changed,
    refused: () => refused,
    beKind: () => (kind = true),
    [Symbol.asyncDispose]: () => stop(server),
  };
}
