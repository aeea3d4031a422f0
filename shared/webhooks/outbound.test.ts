import dns from "node:dns/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { type RequestListener, type Server, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { loadCertificates, trust } from "../../local/certificates.ts";
import { listen, stop } from "../../local/service.ts";
import { stubSettings } from "../settingsForTests.ts";
import { OutboundFailure, dial, post, safeUrl } from "./outbound.ts";

const message = { headers: { "content-type": "application/json", "webhook-id": "evt_1" }, body: `{"a":"ü"}` };

/** What must never be reached. */
let canary: Server;
let canaryPort: number;
let hits = 0;
/** What may be reached, by its exact origin. */
let receiver: Server;
let origin: string;
let answer: RequestListener;

beforeAll(async () => {
  canary = createServer((_request, response) => {
    hits++;
    response.end();
  });
  canaryPort = await listen(canary, 0, "canary");
  receiver = createServer((request, response) => {
    answer(request, response);
  });
  origin = `http://127.0.0.1:${await listen(receiver, 0, "receiver")}`;
  stubSettings({ WEBHOOK_ALLOWED_ORIGINS: origin });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all([stop(canary), stop(receiver)]);
});
beforeEach(() => {
  hits = 0;
});
afterEach(() => {
  vi.restoreAllMocks();
  expect(hits).toBe(0);
});

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    (value) => new Error(`answered ${String(value)}`),
    (reason: unknown) => reason,
  );
  return error instanceof OutboundFailure ? error.reason : String(error);
}

test.each([
  "https://127.0.0.1/",
  "https://127.1/",
  "https://0x7f000001/",
  "https://2130706433/",
  "https://0177.0.0.1/",
  "https://127.0.0.1./",
  "https://[::1]/",
  "https://[::ffff:127.0.0.1]/",
  "https://[fe80::1]/",
  "https://8.8.8.8/",
  "https://localhost/",
  "https://localhost../",
  "https://127.0.0.1../",
  "https://metadata.google.internal../",
  "https://LOCALHOST./",
  "https://a.localhost/",
  "https://printer/",
  "https://db.internal/",
  "https://nas.local/",
  "https://１２７.0.0.1/",
  "http://hooks.example.com/",
  "https://hooks.example.com:8443/",
  `https://${["user", "pass"].join(":")}@hooks.example.com/`,
  "https://user@hooks.example.com/",
  "ftp://hooks.example.com/",
  "file:///etc/passwd",
  "//hooks.example.com/",
  "not a url",
  "",
])("%s is no address for a webhook", (text) => {
  expect(() => safeUrl(text)).toThrow(OutboundFailure);
});

test("a public name behind https is, in its normal spelling", () => {
  expect(safeUrl("https://Hooks.Example.com:443/a?b=c#d").href).toBe("https://hooks.example.com/a?b=c#d");
});

test.each(["127.0.0.1", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433", "localhost"])(
  "a server at %s is not reached, with any scheme or port",
  async (host) => {
    expect(await reasonOf(post(`http://${host}:${canaryPort}/`, message))).toBe("unsafe_url");
    expect(await reasonOf(post(`https://${host}:${canaryPort}/`, message))).toBe("unsafe_url");
  },
);

test("a name with one address inside is refused, however many are outside", async () => {
  const addresses = [
    { address: "1.1.1.1", family: 4 },
    { address: "10.0.0.1", family: 4 },
  ];
  vi.spyOn(dns, "lookup").mockResolvedValue(addresses as never);
  expect(await reasonOf(post("https://hooks.example.com/", message))).toBe("unsafe_url");
});

test("a name is resolved once, and what answered then is dialled, whatever it resolves to later", async () => {
  const dir = await mkdtemp(join(tmpdir(), "outbound-"));
  const tls = await loadCertificates(dir);
  await rm(dir, { recursive: true });
  trust(tls.ca);
  const seen: unknown[] = [];
  const recordName = (name: string, done: (error: null) => void): void => {
    seen.push(name);
    done(null);
  };
  const server = createTlsServer({ ...tls, SNICallback: recordName }, (request, response) => {
    seen.push(request.headers.host, request.url);
    response.writeHead(204).end();
  });
  const port = await listen(server, 0, "receiver");
  const lookup = vi.spyOn(dns, "lookup").mockRejectedValue(new Error("asked again"));
  try {
    const url = new URL(`https://localhost:${port}/hook`);
    const addresses = [{ address: "127.0.0.1", family: 4 }];
    expect(await dial(url, addresses, message, AbortSignal.timeout(5_000))).toBe(204);
    expect(seen).toEqual(["localhost", `localhost:${port}`, "/hook"]);
    const other = new URL(`https://hooks.example.com:${port}/hook`);
    expect(await reasonOf(dial(other, addresses, message, AbortSignal.timeout(5_000)))).toBe("tls");
    expect(lookup).not.toHaveBeenCalled();
  } finally {
    await stop(server);
  }
});

test("a name without an answer, and one whose answer never comes, are told apart", async () => {
  const lookup = vi.spyOn(dns, "lookup").mockRejectedValueOnce(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
  expect(await reasonOf(post("https://hooks.example.com/", message))).toBe("dns");
  lookup.mockReturnValueOnce(new Promise(() => undefined) as never);
  expect(await reasonOf(post("https://hooks.example.com/", message, 50))).toBe("timeout");
});

test("the exact origin of the setting is reached, with the body as it is", async () => {
  const bodies: string[] = [];
  answer = (request, response) => {
    let body = [request.method, request.headers["webhook-id"], request.headers["content-length"], ""].join(" ");
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      bodies.push(body);
      response.writeHead(202).end("thank you");
    });
  };
  expect(await post(`${origin}/hook`, message)).toBe(202);
  expect(bodies).toEqual([`POST evt_1 10 {"a":"ü"}`]);
});

test("a redirect is an answer and is not followed", async () => {
  answer = (_request, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${canaryPort}/` }).end();
  };
  expect(await post(origin, message)).toBe(307);
});

test("who does not answer in time is given up", async () => {
  answer = () => undefined;
  const started = performance.now();
  expect(await reasonOf(post(origin, message, 200))).toBe("timeout");
  expect(performance.now() - started).toBeLessThan(2_000);
});

test("an answer that trickles is cut off, and its status counts", async () => {
  answer = (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("x"), 20);
    response.once("close", () => {
      clearInterval(timer);
    });
  };
  expect(await post(origin, message, 300)).toBe(200);
});

test("an endless answer is cut off soon after 64 KiB", async () => {
  let written = 0;
  const closed = new Promise<void>((resolve) => {
    answer = (_request, response) => {
      const write = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384;
      };
      response.on("drain", write);
      response.once("close", resolve);
      write();
    };
  });
  expect(await post(origin, message)).toBe(200);
  await closed;
  expect(written).toBeLessThan(16 * 2 ** 20);
});

test("a connection that is refused or broken off is a failure of the connection", async () => {
  answer = (request) => {
    request.socket.destroy();
  };
  expect(await reasonOf(post(origin, message))).toBe("connection");
});
