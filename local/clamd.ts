import { type Socket, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { eicar } from "./eicar.ts";

/** A scanner that speaks as much of clamd's protocol as the product uses, and knows the EICAR text wherever it stands. */
export interface LocalClamd {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  readonly close: () => Promise<void>;
}

/**
 * Takes streams of at most `maxBytes`, 100 MiB by default as clamd, and answers those that have more as it does. Listens on
 * a free port of loopback unless one is given.
 */
export async function startClamd({ maxBytes = 100 * 1024 ** 2, port = 0 } = {}): Promise<LocalClamd> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    // A client that goes away in the middle is nobody's failure.
    answerTo(socket, maxBytes).then(
      (answer) => socket.end(`${answer}\0`),
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const command = "zINSTREAM\0";

/** Reads chunks, each with its length in front in 32 bits, up to the one without bytes. */
async function answerTo(socket: Socket, maxBytes: number): Promise<string> {
  const next = reader(socket);
  if ((await next(command.length)).toString("latin1") !== command) return "UNKNOWN COMMAND";
  let size = 0;
  let found = false;
  let before = "";
  for (;;) {
    const length = (await next(4)).readUInt32BE();
    if (length === 0) return found ? "stream: Eicar-Test-Signature FOUND" : "stream: OK";
    size += length;
    if (size > maxBytes) return "INSTREAM size limit exceeded. ERROR";
    const text = before + (await next(length)).toString("latin1");
    found ||= text.includes(eicar);
    before = text.slice(-eicar.length);
  }
}

/** Gives that many bytes of what comes next. Throws where the connection ends before. */
function reader(socket: Socket): (length: number) => Promise<Buffer> {
  const incoming = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, undefined>;
  let pending: Buffer = Buffer.alloc(0);
  return async (length) => {
    const parts = [pending];
    for (let size = pending.length; size < length;) {
      const { value } = await incoming.next();
      if (value === undefined) throw new Error("the client hung up");
      parts.push(value);
      size += value.length;
    }
    const all = Buffer.concat(parts);
    pending = all.subarray(length);
    return all.subarray(0, length);
  };
}
