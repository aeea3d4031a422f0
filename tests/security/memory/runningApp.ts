import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ManagedIdentityCredential } from "@azure/identity";
import { CryptographyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";
import {
  BlobSASPermissions,
  BlobServiceClient,
  SASProtocol,
  generateBlobSASQueryParameters,
} from "@azure/storage-blob";
import { until } from "../../../local/client.ts";
import { listen, stop } from "../../../local/service.ts";
import type { Stack } from "../../../local/stack.ts";
import { wrappingKeyName } from "../../../shared/protection/vault.ts";
import { parseRing } from "../../../shared/protection/ringDocument.ts";
import { startStackApart } from "../../support/stackApart.ts";
import { useStack } from "../../support/stackUnderTest.ts";
import { expectApi, newSurvey, newTenant } from "../../support/tenant.ts";
import { putBlob, start } from "../../support/upload.ts";
import { Search, type Sought } from "./search.ts";

/** What was looked for in the running app, and how often it was there. */
export interface Residue {
  readonly name: string;
  /** In live objects: the heap snapshot, after a garbage collection. */
  readonly heap: number;
  /** In all writable memory of the process, freed memory that nobody has overwritten included. */
  readonly memory: number;
  /** The same after 300 more requests. */
  readonly later: number;
}

export interface Scan {
  readonly residues: readonly Residue[];
  readonly heapBytes: number;
  readonly memoryBytes: number;
}

/** Requests between the first look and the second, each of which uses the address-hash-key. */
const furtherRequests = 300;

/** What the app is made to hold on purpose, each in one way only, so that every way of looking is seen to find something. */
const planted = {
  text: randomBytes(32),
  wide: randomBytes(32),
  bytes: randomBytes(32),
};

/**
 * Runs the app in a process of its own, with everything that it talks to in this one, uses it the way tenants, guests and
 * timers do, waits until nothing is under way, and looks for every secret that it used.
 */
export async function scanRunningApp(): Promise<Scan> {
  const dir = await mkdtemp(join(tmpdir(), "callpilot-memory-"));
  await mkdir(join(dir, "snapshots"));
  const { stack, app } = await startStackApart(dir, [
    "--heapsnapshot-signal=SIGUSR2",
    `--diagnostic-dir=${join(dir, "snapshots")}`,
    // Longer texts would be cut, and what is behind the cut not found.
    "--heap-snapshot-string-limit=100000000",
    `--import=${await plant(dir)}`,
  ]);
  try {
    const used = await use(stack, dir);
    const sought = [...used.secrets, ...controls()];
    const search = new Search(sought);
    const snapshot = await heapSnapshot(app.pid, join(dir, "snapshots"));
    const heap = await search.file(snapshot);
    const memory = await search.memory(app.pid);
    for (let count = 0; count < furtherRequests; count++) await used.again();
    const later = await search.memory(app.pid);
    return {
      residues: sought.map(({ name }) => ({
        name,
        heap: heap[name] ?? 0,
        memory: memory[name] ?? 0,
        later: later[name] ?? 0,
      })),
      heapBytes: (await stat(snapshot)).size,
      memoryBytes: memory.bytes,
    };
  } finally {
    await stack[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  }
}

/** A module that the app's process loads first and that holds what was {@link planted}. */
async function plant(dir: string): Promise<string> {
  const file = join(dir, "plant.mjs");
  const bytes = (value: Buffer) =>
    `Uint8Array.from([${[...value].map((byte) => byte ^ 0x5a).join()}], (byte) => byte ^ 0x5a)`;
  const source = `
    const text = Buffer.from(${bytes(planted.text)}).toString("base64");
    const wide = "\\u2603" + Buffer.from(${bytes(planted.wide)}).toString("base64");
    globalThis.planted = { text, wide, bytes: ${bytes(planted.bytes)} };
  `;
  await writeFile(file, source);
  return file;
}

function controls(): Sought[] {
  return [
    { name: "planted: a text", values: [planted.text] },
    { name: "planted: a text of wide characters", values: [planted.wide] },
    { name: "planted: bytes", values: [planted.bytes] },
  ];
}

interface Used {
  readonly secrets: readonly Sought[];
  /** One more request. */
  readonly again: () => Promise<unknown>;
}

/** Uses the app, waits until nothing is under way, and gives the secrets that it used. */
async function use(stack: Stack, dataDir: string): Promise<Used> {
  useStack({ ...stack, operator: { email: stack.operatorEmail }, dataDir });
  let deliveries = 0;
  const receiver = createServer((_request, response) => {
    deliveries++;
    response.writeHead(204).end();
  });
  await listen(receiver, Number(new URL(stack.webhookReceiverUrl).port), "webhook receiver");
  const tenant = await newTenant();
  await tenant.join("surveyor");
  const { token } = tenant.owner;
  const webhook = await expectApi<{ id: string; secret: string }>("POST /v1/webhooks", 201, {
    token,
    body: { url: `${stack.webhookReceiverUrl}/hook`, events: ["survey.created"] },
  });
  const rotated = await expectApi<{ secret: string }>(`POST /v1/webhooks/${webhook.body.id}/rotate`, 200, { token });
  const surveys = [];
  for (let count = 0; count < 3; count++) surveys.push(await newSurvey(tenant));
  const [survey] = surveys;
  if (survey === undefined) throw new Error("no survey");
  const { upload } = await start(survey.guest, 1);
  await putBlob(upload.url, new Uint8Array(1));
  const { body: page } = await expectApi<{ nextCursor: string }>("GET /v1/surveys?limit=1", 200, { token });
  await expectApi(`GET /v1/surveys?limit=1&cursor=${page.nextCursor}`, 200, { token });
  await until("the deliveries", 20, () => Promise.resolve(deliveries >= 3 ? true : undefined));
  await stop(receiver);
  // A server's connections close after five idle seconds; until then each remembers its last request.
  await delay(7_000);
  const secrets = [
    await addressHashKey(stack),
    whole("webhook secret, replaced", webhook.body.secret),
    whole("webhook secret", rotated.body.secret),
    await userDelegationKey(stack, upload.url),
    await ringKey(stack),
    whole("guest link's token", survey.link.split(".").at(-1) ?? ""),
    { name: "guest session", values: [Buffer.from(survey.guest.slice(-43))] },
  ];
  return { secrets, again: () => expectApi("GET /v1/tenant", 200, { token }) };
}

const decoded = (text: string) => Buffer.from(text.replace(/^whsec_/u, ""), "base64");

/** A secret that stands for bytes: the bytes' encodings cover its own text. */
function whole(name: string, text: string): Sought {
  return { name, values: [decoded(text)] };
}

async function addressHashKey({ vaultUrl }: Stack): Promise<Sought> {
  const client = new SecretClient(vaultUrl, new ManagedIdentityCredential(), {
    disableChallengeResourceVerification: true,
  });
  const { value = "" } = await client.getSecret("address-hash-key");
  return whole("address-hash-key", value);
}

/** The local storage derives the key from the times in the grant, so it says the same one again. */
async function userDelegationKey({ blobUrl }: Stack, grant: string): Promise<Sought> {
  const { pathname, searchParams } = new URL(grant);
  const of = (name: string) => searchParams.get(name) ?? "";
  const service = new BlobServiceClient(blobUrl, new ManagedIdentityCredential());
  const key = await service.getUserDelegationKey(new Date(of("skt")), new Date(of("ske")));
  const [, account = "", containerName = "", ...blob] = pathname.split("/").map(decodeURIComponent);
  const signed = generateBlobSASQueryParameters(
    {
      containerName,
      blobName: blob.join("/"),
      permissions: BlobSASPermissions.parse(of("sp")),
      expiresOn: new Date(of("se")),
      protocol: SASProtocol.HttpsAndHttp,
    },
    key,
    account,
  );
  if (new URLSearchParams(signed.toString()).get("sig") !== of("sig"))
    throw new Error("this is not the key that signed the grant");
  return whole("user-delegation key", key.value);
}

async function ringKey({ vaultUrl, blobUrl }: Stack): Promise<Sought> {
  const service = new BlobServiceClient(blobUrl, new ManagedIdentityCredential());
  const stored = await service.getContainerClient("protection").getBlobClient("key-ring.json").downloadToBuffer();
  const [key] = parseRing(JSON.parse(stored.toString())).keys;
  if (key === undefined) throw new Error("the ring has no key");
  const client = new CryptographyClient(
    `${vaultUrl}/keys/${wrappingKeyName}/${key.wrappedBy}`,
    new ManagedIdentityCredential(),
    { disableChallengeResourceVerification: true },
  );
  const { result } = await client.unwrapKey("RSA-OAEP-256", Buffer.from(key.wrapped, "base64"));
  return { name: "ring key", values: [Buffer.from(result)] };
}

/** Node collects garbage before it writes one, into a file that grows until it is whole. */
async function heapSnapshot(pid: number, dir: string): Promise<string> {
  process.kill(pid, "SIGUSR2");
  return await until("the heap snapshot", 30, async () => {
    const [name] = await readdir(dir);
    if (name === undefined) return undefined;
    const path = join(dir, name);
    return (await ending(path)) === "]}" ? path : undefined;
  });
}

async function ending(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, Math.max(0, size - 2));
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}
