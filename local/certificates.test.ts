import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { generate } from "selfsigned";
import { afterEach, beforeEach, expect, test } from "vitest";
import { caFile, loadCertificates, trust } from "./certificates.ts";
import { LocalError, listen, stop } from "./service.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "callpilot-certificates-"));
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

test("this process and others accept the server once they trust the authority, by both names", async () => {
  const tls = await loadCertificates(dir);
  const server = createServer(tls, (_request, response) => response.end("hello"));
  const port = await listen(server, 0, "test");
  await expect(fetch(`https://localhost:${port}`)).rejects.toThrow("fetch failed");
  trust(tls.ca);
  for (const host of ["localhost", "127.0.0.1"]) {
    expect(await (await fetch(`https://${host}:${port}`)).text()).toBe("hello");
    const script = `fetch("https://${host}:${port}").then((answer) => answer.text()).then(console.log)`;
    const env = { NODE_EXTRA_CA_CERTS: caFile(dir) };
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", script], { env });
    expect(stdout).toBe("hello\n");
  }
  await stop(server);
});

test("certificates are kept", async () => {
  const first = await loadCertificates(dir);
  expect(await loadCertificates(dir)).toEqual(first);
  expect(await readFile(caFile(dir), "utf8")).toBe(first.ca);
});

test("a server certificate close to its expiry is made anew under the same authority", async () => {
  const first = await loadCertificates(dir);
  const soon = await generate([{ name: "commonName", value: "localhost" }], {
    notAfterDate: new Date(Date.now() + 29 * 86_400_000),
    ca: { key: await readFile(join(dir, "ca.key"), "utf8"), cert: first.ca },
    keyType: "ec",
    algorithm: "sha256",
  });
  await writeFile(join(dir, "server.pem"), soon.cert);
  await writeFile(join(dir, "server.key"), soon.private);
  const renewed = await loadCertificates(dir);
  expect(renewed.ca).toBe(first.ca);
  expect(renewed.cert).not.toBe(soon.cert);
});

test("a damaged certificate says what to do", async () => {
  await loadCertificates(dir);
  await writeFile(caFile(dir), "not a certificate");
  await expect(loadCertificates(dir)).rejects.toThrow(
    new LocalError(`The certificates in ${dir} are damaged: delete that folder and start again.`),
  );
});
