import { createServer, request } from "node:http";
import { pipeline } from "node:stream";
import { listen, stop } from "../../local/service.ts";

/** Where clients find the API, whichever build answers. */
export interface Front extends AsyncDisposable {
  /** Sends the requests that come from now on there; what has begun ends where it began. */
  readonly switchTo: (url: string) => void;
}

/** Stands where the platform's routing is: it repeats nothing, and a request whose instance dies is cut off. */
export async function startFront(port: number): Promise<Front> {
  let target = "";
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = "/" } = incoming;
    const forwarded = request(new URL(url, target), { method, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, outgoing, () => undefined);
    });
    forwarded.on("error", () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await listen(server, port, "API");
  return {
    switchTo: (url) => {
      target = url;
    },
    [Symbol.asyncDispose]: () => stop(server),
  };
}
