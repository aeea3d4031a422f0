import { beforeAll, expect, test } from "vitest";
import { type Scan, scanRunningApp } from "./memory/runningApp.ts";

let scan: Scan;
beforeAll(async () => {
  scan = await scanRunningApp();
}, 120_000);

const of = (name: string) => scan.residues.find((residue) => residue.name === name);

/**
 * Every secret that the app uses, and what is in all writable memory of its process between uses, beside no live object
 * of ours. Nothing here is promised to be 0: it is what docs/decisions/0011 says is out of our reach.
 */
const residue: Readonly<Record<string, string>> = {
  "address-hash-key": "the vault's answer: TLS and HTTP buffers, the text that the SDK parsed",
  "webhook secret, replaced": "the answer that showed it once, and the text that the signing library takes",
  "webhook secret": "the answer that showed it once, and the text that the signing library takes",
  "user-delegation key": "the storage's answer, and the text that the SDK signs grants with",
  "ring key": "OpenSSL's own copy behind the KeyObject, which has to be there, and the vault's answer to unwrap",
  "guest link's token": "the guest's request and the answer with the link: HTTP buffers and texts",
  "guest session": "requests with the bearer: HTTP buffers and header texts",
};

test("both ways of looking find what was planted: texts in objects and in memory, bytes in memory only", () => {
  for (const name of ["planted: a text", "planted: a text of wide characters"]) {
    expect(of(name)?.heap).toBeGreaterThan(0);
    expect(of(name)?.memory).toBeGreaterThan(0);
  }
  // A heap snapshot alone would prove nothing.
  expect(of("planted: bytes")?.heap).toBe(0);
  expect(of("planted: bytes")?.memory).toBeGreaterThan(0);
  expect(of("ring key")?.memory).toBeGreaterThan(0);
});

test("every secret was looked for, and no live object of the running app holds one between uses", () => {
  const secrets = scan.residues.filter(({ name }) => !name.startsWith("planted"));
  expect(secrets.map(({ name }) => name)).toEqual(Object.keys(residue));
  expect(secrets.filter(({ heap }) => heap !== 0)).toEqual([]);
});

test("what is left of the vault's and the ring's secrets in memory is from fetching them: uses add nothing", () => {
  for (const name of ["address-hash-key", "ring key"]) {
    const { memory = 0, later = 1 } = of(name) ?? {};
    expect([name, later <= memory]).toEqual([name, true]);
  }
});
