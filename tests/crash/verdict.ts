import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CosmosClient, ItemDefinition } from "@azure/cosmos";
import { ManagedIdentityCredential } from "@azure/identity";
import { BlobServiceClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { containerName } from "../../shared/storage/containers.ts";
import { type LogEntry, entryHash, genesis } from "../../shared/tenancy/logEntry.ts";
import { counterId } from "../../shared/tenancy/counter.ts";
import type { Sent } from "./guests.ts";
import type { Receiver } from "./receiver.ts";

/** What is looked at when all is over. */
export interface Remains {
  readonly tenants: readonly { readonly id: string; readonly hook: string }[];
  readonly sent: readonly Sent[];
  readonly receiver: Receiver;
  readonly database: CosmosClient;
  readonly blobUrl: string;
  readonly queueUrl: string;
  readonly tempDir: string;
}

/** Events that a tenant's webhook is for; what happens to a video while it is on its way. */
export const hookEvents = ["video.uploaded", "video.ready", "video.rejected", "video.deleted"] as const;

type Document = ItemDefinition & { readonly id: string; readonly kind: string };

interface StoredVideo extends Document {
  readonly state: string;
  readonly countedBytes: number;
  readonly rejection?: { readonly code: string };
}

/** Everything that is not as it must be: what was lost, done twice, or left over. Each sentence names the thing. */
export async function violationsIn(remains: Remains): Promise<string[]> {
  const { tenants, receiver, tempDir } = remains;
  const found: string[] = [];
  for (const tenant of tenants) found.push(...(await violationsOf(remains, tenant)));
  found.push(...receiver.changed.map((id) => `webhook ${id} was sent with two bodies`));
  found.push(...(await messagesLeft(remains)));
  const work = await readdir(join(tempDir, "callpilot-work")).catch(() => []);
  return [...found, ...work.map((name) => `the folder ${name} is left`)];
}

async function violationsOf(remains: Remains, tenant: Remains["tenants"][number]): Promise<string[]> {
  const documents = await documentsOf<Document>(remains.database, "data", tenant.id, tenant.id);
  const videos = documents.filter((document): document is StoredVideo => document.kind === "video");
  const { entries, faults } = await logOf(remains.database, tenant.id, documents);
  const sent = remains.sent.filter(({ tenantId }) => tenantId === tenant.id);
  return [
    ...faults,
    ...strangers(sent, videos),
    ...sent.flatMap((one) => faultsOf(one, videos, entries)),
    ...leftOver(documents),
    ...(await blobFaults(remains, tenant.id, documents, videos)),
    ...hookFaults(remains.receiver, tenant.hook, entries),
  ];
}

/** All documents of one partition. */
export async function documentsOf<T>(
  database: CosmosClient,
  container: "data" | "log",
  tenantId: string,
  partitionKey: string | string[],
): Promise<T[]> {
  const query = "SELECT * FROM c WHERE c.tenantId = @tenantId";
  const parameters = [{ name: "@tenantId", value: tenantId }];
  const { resources } = await database
    .database("callpilot")
    .container(container)
    .items.query<T>({ query, parameters }, { partitionKey })
    .fetchAll();
  return resources;
}

async function logOf(database: CosmosClient, tenantId: string, documents: readonly Document[]) {
  const head = documents.find(({ id }) => id === "log_head") as { months?: readonly { month: string }[] } | undefined;
  const months = head?.months ?? [];
  const stored = await Promise.all(
    months.map(({ month }) => documentsOf<LogEntry & ItemDefinition>(database, "log", tenantId, [tenantId, month])),
  );
  const entries = stored.flat().sort((one, other) => one.seq - other.seq);
  const faults: string[] = [];
  let prevHash = genesis;
  for (const [at, entry] of entries.entries()) {
    if (entry.seq !== at + 1 || entry.prevHash !== prevHash) faults.push(`the log is broken at ${entry.id}`);
    prevHash = entry.hash;
    if (entryHash(unhashed(entry)) !== entry.hash) faults.push(`the log's ${entry.id} has another hash`);
  }
  return { entries, faults };
}

function unhashed(entry: LogEntry & ItemDefinition): Omit<LogEntry, "hash"> {
  const ours = ["tenantId", "kind", "schemaVersion", "hash"];
  const fields = Object.entries(entry).filter(([name]) => !name.startsWith("_") && !ours.includes(name));
  return Object.fromEntries(fields) as unknown as Omit<LogEntry, "hash">;
}

function strangers(sent: readonly Sent[], videos: readonly StoredVideo[]): string[] {
  const known = new Set(sent.map(({ videoId }) => videoId));
  return videos.filter(({ id }) => !known.has(id)).map(({ id }) => `${id} is nobody's: an upload was started twice`);
}

function faultsOf({ videoId, plan, completed }: Sent, videos: readonly StoredVideo[], log: readonly LogEntry[]) {
  const video = videos.find(({ id }) => id === videoId);
  if (video === undefined) return [`${videoId} is lost`];
  const { state, rejection } = video;
  const is = rejection === undefined ? state : `${state} (${rejection.code})`;
  const right =
    plan.ends.includes(state) && (plan.code === undefined || state !== "rejected" || rejection?.code === plan.code);
  const faults = right ? [] : [`${videoId} (${plan.clip}) is ${is} instead of ${plan.ends.join(" or ")}`];
  const times = (type: string) => log.filter((entry) => entry.type === type && entry.target === videoId).length;
  const outcomes = times("video.ready") + times("video.rejected");
  const expected: [string, number, number][] = [
    ["video.uploaded", times("video.uploaded"), completed ? 1 : 0],
    ["video.ready or video.rejected", outcomes, state === "upload_cancelled" || !completed ? 0 : 1],
    ["video.sealed", times("video.sealed"), sealedTimes(state, times("video.sealed"))],
    ["video.deleted", times("video.deleted"), state === "deleted" ? 1 : 0],
    ["video.processing_failed", times("video.processing_failed"), 0],
  ];
  for (const [what, is, wanted] of expected)
    if (is !== wanted) faults.push(`${videoId} (${state}) has ${what} ${is} times in the log instead of ${wanted}`);
  return faults;
}

/** Evidence is of every ready video; of one that was deleted soon it may never have come to be. */
function sealedTimes(state: string, times: number): number {
  return state === "deleted" ? Math.min(times, 1) : Number(state === "ready");
}

function leftOver(documents: readonly Document[]): string[] {
  return documents
    .filter(({ kind }) => kind === "lease" || kind === "fact" || kind === "evidenceDraft")
    .map(({ kind, id }) => `the ${kind} ${id} is left`);
}

async function blobFaults(
  { blobUrl }: Remains,
  tenantId: string,
  documents: readonly Document[],
  videos: readonly StoredVideo[],
): Promise<string[]> {
  const service = new BlobServiceClient(blobUrl, new ManagedIdentityCredential());
  const blobs = new Map<string, number>();
  const container = service.getContainerClient(containerName(tenantId));
  for await (const { name, properties } of container.listBlobsFlat({ includeUncommitedBlobs: true }))
    blobs.set(name, properties.contentLength ?? 0);
  // What a deleted video was made of is history.
  const referenced = new Map(videos.filter(({ state }) => state !== "deleted").flatMap(references));
  const faults = [
    ...[...blobs.keys()].filter((name) => !referenced.has(name)).map((name) => `the blob ${name} is an orphan`),
    ...[...referenced]
      .filter(([name, size]) => blobs.get(name) !== size)
      .map(([name]) => `the blob ${name} is not what the video says`),
  ];
  const manifests = service.getContainerClient("ingest").listBlobsFlat({ prefix: `${tenantId}/` });
  for await (const { name } of manifests) faults.push(`the manifest ${name} is left`);
  const counter = documents.find(({ id }) => id === counterId("videoBytes")) as { value?: number } | undefined;
  const counted = videos.reduce((sum, { countedBytes }) => sum + countedBytes, 0);
  const stored = [...blobs.values()].reduce((sum, size) => sum + size, 0);
  if (counter?.value !== counted || counted !== stored)
    faults.push(`${tenantId} counts ${counter?.value ?? "no"} bytes, its videos ${counted}, stored are ${stored}`);
  return faults;
}

/** Blobs that a document names, with their sizes, wherever in it they stand. */
function references(value: unknown): [string, number][] {
  if (value === null || typeof value !== "object") return [];
  const { blob, size } = value as { blob?: unknown; size?: unknown };
  const own: [string, number][] = typeof blob === "string" && typeof size === "number" ? [[blob, size]] : [];
  return [...own, ...Object.values(value).flatMap(references)];
}

/** Each event has come, by one id. */
function hookFaults({ received }: Receiver, hook: string, log: readonly LogEntry[]): string[] {
  const events = log.filter(({ type }) => (hookEvents as readonly (string | undefined)[]).includes(type));
  const ids = Map.groupBy(
    [...received].filter(([, { path }]) => path === hook).map(([id, { body }]) => [idOf(body), id] as const),
    ([event]) => event,
  );
  return [
    ...events.filter(({ id }) => !ids.has(id)).map(({ id, type }) => `${id} (${type ?? ""}) never came to ${hook}`),
    ...[...ids].filter(([, of]) => of.length > 1).map(([event]) => `${event} came to ${hook} under two webhook ids`),
    ...[...ids.keys()]
      .filter((event) => !events.some(({ id }) => id === event))
      .map((event) => `${event} came to ${hook} and is not in the log`),
  ];
}

function idOf(body: string): string {
  return (JSON.parse(body) as { id: string }).id;
}

async function messagesLeft(remains: Remains): Promise<string[]> {
  const waiting = Object.entries(await messagesOf(remains)).filter(([, count]) => count > 0);
  return waiting.map(([queue, count]) => `${count} messages are left on ${queue}`);
}

/** Messages that wait, by their queue. */
export async function messagesOf({ queueUrl }: Pick<Remains, "queueUrl">): Promise<Record<string, number>> {
  const service = new QueueServiceClient(queueUrl, new ManagedIdentityCredential());
  const counts: Record<string, number> = {};
  for await (const { name } of service.listQueues())
    counts[name] = (await service.getQueueClient(name).getProperties()).approximateMessagesCount ?? 0;
  return counts;
}

/** Videos by their state. */
export async function statesOf({ database, tenants }: Remains): Promise<Record<string, number>> {
  const states: Record<string, number> = {};
  for (const { id } of tenants)
    for (const { kind, state } of await documentsOf<StoredVideo>(database, "data", id, id))
      if (kind === "video") states[state] = (states[state] ?? 0) + 1;
  return states;
}
