import { mkdtemp, rm, stat } from "node:fs/promises";
import { type RequestListener, type Server, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { loadCertificates, trust } from "../../local/certificates.ts";
import { listen, stop } from "../../local/service.ts";
import { stubSettings } from "../settingsForTests.ts";
import { type NameServerForTests, startNameServerForTests } from "./nameServerForTests.ts";
import { dial, post, safeUrl } from "./outbound.ts";
import { OutboundFailure } from "./outboundFailure.ts";
import { publicAddresses } from "./publicAddresses.ts";

const message = { headers: { "content-type": "application/json", "webhook-id": "evt_1" }, body: `{"a":"ü"}` };

/** What must never be reached. */
let canary: Server;
let canaryPort: number;
let hits = 0;
/** What may be reached, by its exact origin. */
let receiver: Server;
let origin: string;
let answer: RequestListener;
/** Who knows names here. */
let names: NameServerForTests;

beforeAll(async () => {
  canary = createServer((_request, response) => {
    hits++;
    response.end();
  });
  canaryPort = await listen(canary, 0, "canary");
  receiver = createServer((request, response) => {
    answer(request, response);
  });
  names = await startNameServerForTests();
  origin = `http://127.0.0.1:${await listen(receiver, 0, "receiver")}`;
  stubSettings({ WEBHOOK_ALLOWED_ORIGINS: origin });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all([stop(canary), stop(receiver), names.close()]);
});
beforeEach(() => {
  hits = 0;
  names.forget();
});
afterEach(() => {
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

const postTo = (name: string, limitMs = 5_000) =>
  post(`https://${name}/`, message, { limitMs, nameServers: [names.address] });

test.each([
  ["one address inside, however many are outside", ["1.1.1.1", "10.0.0.1", "8.8.8.8"]],
  ["itself", ["127.0.0.1"]],
  ["itself, in the other family", ["1.1.1.1", "::1"]],
  ["an IPv4 address in an IPv6 one", ["::ffff:127.0.0.1"]],
  ["an IPv4 address behind NAT64", ["64:ff9b::7f00:1"]],
  ["an IPv4 address behind 6to4", ["2002:7f00:1::1"]],
  ["Teredo", ["2001:0:7f00:1::1"]],
  ["the metadata of a virtual machine", ["169.254.169.254"]],
  ["Azure's platform", ["168.63.129.16"]],
  ["a carrier's network", ["100.64.0.1"]],
  ["everything", ["0.0.0.0"]],
])("a name is refused that stands for %s", async (_what, addresses) => {
  names.answer("hooks.example.com", addresses);
  expect(await reasonOf(postTo("hooks.example.com"))).toBe("unsafe_url");
});

test("a name that stands for something else the next time is asked for once, and dialled as it was", async () => {
  const name = "rebind.example.com";
  names.answer(name, ["1.1.1.1"], ["127.0.0.1"]);
  const signal = AbortSignal.timeout(5_000);
  const addresses = await publicAddresses(name, signal, [names.address]);
  expect(addresses).toEqual([{ address: "1.1.1.1", family: 4 }]);
  expect(names.asked).toEqual([`A ${name}`, `AAAA ${name}`]);
  // By now the name stands for the canary's address; what is dialled is another one, where nobody listens.
  const nobody = [{ address: "127.0.0.2", family: 4 }];
  const url = new URL(`http://${name}:${canaryPort}/`);
  expect(await reasonOf(dial(url, nobody, message, AbortSignal.timeout(5_000)))).toBe("connection");
  expect(names.asked).toHaveLength(2);
  expect(await reasonOf(postTo(name))).toBe("unsafe_url");
});

test("names of this machine stand for nothing", async () => {
  // Known to the machine's own resolver only, by its hosts file.
  expect(await reasonOf(publicAddresses("localhost", AbortSignal.timeout(5_000), [names.address]))).toBe("dns");
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
  try {
    const url = new URL(`https://localhost:${port}/hook`);
    const addresses = [{ address: "127.0.0.1", family: 4 }];
    expect(await dial(url, addresses, message, AbortSignal.timeout(5_000))).toBe(204);
    expect(seen).toEqual(["localhost", `localhost:${port}`, "/hook"]);
    const other = new URL(`https://hooks.example.com:${port}/hook`);
    expect(await reasonOf(dial(other, addresses, message, AbortSignal.timeout(5_000)))).toBe("tls");
    expect(names.asked).toEqual([]);
  } finally {
    await stop(server);
  }
});

test("a name without an answer, and one whose answer never comes, are told apart", async () => {
  expect(await reasonOf(postTo("nobody.example.com"))).toBe("dns");
  names.hush("slow.example.com");
  expect(await reasonOf(postTo("slow.example.com", 50))).toBe("timeout");
});

test("many names whose answers never come hold up nobody else", async () => {
  names.hush("slow.example.com");
  const waiting = Array.from({ length: 50 }, () => reasonOf(postTo("slow.example.com", 1_000)));
  const others = Promise.all(Array.from({ length: 20 }, () => stat(import.meta.filename)));
  expect(await Promise.race([others.then(() => "others"), ...waiting])).toBe("others");
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(["timeout"]));
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
  expect(await reasonOf(post(origin, message, { limitMs: 200 }))).toBe("timeout");
});

test("an answer that trickles is cut off, and its status counts", async () => {
  answer = (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("x"), 20);
    response.once("close", () => {
      clearInterval(timer);
    });
  };
  expect(await post(origin, message, { limitMs: 300 })).toBe(200);
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

test("who never finishes an answer's head is given up", async () => {
  answer = ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\n");
    const timer = setInterval(() => socket.write("x: y\r\n"), 20);
    socket.once("close", () => {
      clearInterval(timer);
    });
  };
  expect(await reasonOf(post(origin, message, { limitMs: 300 }))).toBe("timeout");
});

test("who only ever announces an answer is given up", async () => {
  answer = ({ socket }) => {
    const timer = setInterval(() => socket.write("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"), 5);
    socket.once("close", () => {
      clearInterval(timer);
    });
  };
  expect(await reasonOf(post(origin, message, { limitMs: 300 }))).toBe("timeout");
});

test("an answer's head of more than 16 KiB is none", async () => {
  answer = (_request, response) => {
    response.writeHead(200, { "x-filler": "x".repeat(17_000) }).end();
  };
  expect(await reasonOf(post(origin, message))).toBe("connection");
});

test("who wants to speak another protocol is let go at once", async () => {
  answer = ({ socket }) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n");
  };
  expect(await reasonOf(post(origin, message, { limitMs: 5_000 }))).toBe("connection");
});

test("an answer that says it is packed is not unpacked", async () => {
  answer = (_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(2 ** 24)));
  };
  expect(await post(origin, message)).toBe(200);
});
