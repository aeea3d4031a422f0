import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import type { Random } from "../certify/random.ts";

export interface CuttingProxy extends AsyncDisposable {
  /** Origin that leads to the target. */
  readonly url: string;
  /** Connections cut so far, by where: on the way there, or on the way back, when the work was done. */
  readonly cuts: { readonly there: number; readonly back: number };
}

export interface CuttingOptions {
  /** Origin of a plain http server. */
  readonly target: string;
  readonly random: Random;
  /** The first so many connections are cut; those after them are left alone, so that everything comes to an end. */
  readonly cuts: number;
  /** Bytes after which a connection is cut at the latest, there and back. */
  readonly most: { readonly there: number; readonly back: number };
}

/** Passes connections on, and cuts them after a random number of bytes in a random direction. */
export async function startCuttingProxy({ target, random, cuts, most }: CuttingOptions): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const done = { there: 0, back: 0 };
  let opened = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const way = random.below(2) === 0 ? "there" : "back";
    const limit = opened++ < cuts ? random.below(most[way]) : Infinity;
    const end = () => {
      near.destroy();
      far.destroy();
    };
    const cut = () => {
      done[way]++;
      end();
    };
    pass(near, far, way === "there" ? limit : Infinity, cut);
    pass(far, near, way === "back" ? limit : Infinity, cut);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", end).on("close", () => {
        open.delete(socket);
        end();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: done,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What comes before the limit arrives; what is behind it never does. */
function pass(from: Socket, to: Socket, limit: number, cut: () => void): void {
  let left = limit;
  from.on("data", (bytes: Buffer) => {
    if (left < 0) return;
    if (bytes.length <= left) {
      left -= bytes.length;
      if (!to.write(bytes)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      return;
    }
    to.write(bytes.subarray(0, left), cut);
    left = -1;
  });
}
