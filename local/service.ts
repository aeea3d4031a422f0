import type { Server } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A running part of the local Azure. */
export interface LocalService {
  /** Base address without a trailing slash, e.g. `https://localhost:7081`. */
  readonly url: string;
  close(): Promise<void>;
}

/** PEM texts of the certificate that every local server presents, and of the authority that signed it. */
export interface Certificates {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** The local stack cannot do what was asked. The message is one sentence for the person at the terminal. */
export class LocalError extends Error {
  override readonly name: string = "LocalError";
}

/** Listens on loopback. `port` 0 takes a free one; a port in use becomes a {@link LocalError} that names it. */
export async function listen(server: Server | TlsServer, port: number, purpose: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "EADDRINUSE"
          ? new LocalError(
              `Port ${port} (${purpose}) is in use: stop what uses it, or choose another with PORT=<number> npm start.`,
            )
          : error,
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** Stops accepting, ends idle connections and waits for requests under way. */
export async function stop(server: Server | TlsServer): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeIdleConnections();
    setTimeout(() => {
      server.closeAllConnections();
    }, 2000).unref();
  });
}
