import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CosmosClient, ItemDefinition, OperationInput } from "@azure/cosmos";
import { decodeJwt } from "jose";
import { ulid } from "ulid";
import { type Answer, type CallOptions, until } from "../../local/client.ts";
import { clientOf } from "../../local/cosmos/testSupport.ts";
import type { RequestRecord } from "../../local/cosmos/requestLog.ts";
import type * as FunctionsCore from "../../local/host/functionsCore.ts";
import { type Operation, loadOperations } from "../../scripts/openapi/loadOperations.ts";
import { lazy } from "../../shared/lazy.ts";
import { memberId } from "../../shared/members/member.ts";
import type { Contract } from "../../shared/triggers/contract.ts";
import { stackUnderTest } from "./stackUnderTest.ts";
import { api } from "./tenant.ts";

export type { Operation };

const require = createRequire(import.meta.url);

/** Every HTTP operation that a source file registers, with its contract. */
export const { operations } = loadOperations();

/** What the sources registered at the Functions library, of every trigger. */
export function registrations(): readonly { readonly name: string; readonly trigger: string }[] {
  const core = require("../../local/host/functionsCore.ts") as typeof FunctionsCore;
  return core.registered().map(({ metadata: { name, bindings } }) => ({
    name,
    trigger: Object.values(bindings).find(({ type }) => type.endsWith("rigger"))?.type ?? "none",
  }));
}

/** What a request is made of, beside its contract. */
export interface Request {
  readonly token?: string | undefined;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const sent = new Set<string>();

/** Sends a request to an operation of the shared stack. */
export async function send<T = Record<string, unknown>>(
  { method, route, unversioned }: Contract,
  request: Request,
): Promise<Answer<T>> {
  const path = route.replaceAll(/\{(\w+)\}/gu, (_, name: string) => encodeURIComponent(request.params?.[name] ?? ""));
  const query = request.query === undefined ? "" : `?${new URLSearchParams(request.query).toString()}`;
  const { token, body, headers } = request;
  const options: CallOptions = { token, body, ...(headers !== undefined && { headers }) };
  const answer = await api<T>(`${method} /${unversioned === true ? "" : "v1/"}${path}${query}`, options);
  sent.add(answer.headers.get("x-request-id") ?? "");
  return answer;
}

/** The answer's bytes without the request's own id. */
export function bytes(answer: Answer): string {
  const id = answer.headers.get("x-request-id") ?? "";
  return `${answer.status} ${answer.text.replaceAll(id, "<request>")}`;
}

/** A client of the stack's database that no guard watches; dispose of it. */
export const database = lazy((): CosmosClient => clientOf(stackUnderTest().cosmosUrl));

function container(name: "data" | "log") {
  return database().database("callpilot").container(name);
}

export type StoredDocument = ItemDefinition & { readonly id: string; readonly kind: string };

/** All documents of a tenant in `data`, by id. */
export async function documents(tenantId: string): Promise<readonly StoredDocument[]> {
  return await stored("data", tenantId, tenantId);
}

/** The entries of the tenant's log in this month, in their order. */
export async function entries(tenantId: string): Promise<readonly StoredDocument[]> {
  return await stored("log", tenantId, [tenantId, new Date().toISOString().slice(0, 7)]);
}

/** How many entries of the tenant's log a function's changes have made. */
export async function entriesOf(tenantId: string, action: string): Promise<number> {
  return (await entries(tenantId)).filter((entry) => entry["action"] === action).length;
}

async function stored(name: "data" | "log", tenantId: string, key: string | string[]): Promise<StoredDocument[]> {
  const query = "SELECT * FROM c WHERE c.tenantId = @tenantId";
  const parameters = [{ name: "@tenantId", value: tenantId }];
  const { resources } = await container(name)
    .items.query<StoredDocument>({ query, parameters }, { partitionKey: key })
    .fetchAll();
  return resources.sort((one, other) => (one.id < other.id ? -1 : 1));
}

const bookkeeping = ["fact", "logHead", "lease", "recorded"];

/** What the tenant has, without what moves on by itself: its log and what is to be in it, and leases. */
export async function state(tenantId: string): Promise<readonly StoredDocument[]> {
  return (await documents(tenantId)).filter(({ kind }) => !bookkeeping.includes(kind));
}

/** Waits until every fact of the tenant is in its log. */
export async function settled(tenantId: string): Promise<void> {
  await until(`the log of ${tenantId}`, 20, async () => {
    const all = await documents(tenantId);
    return all.some(({ kind }) => kind === "fact") ? undefined : true;
  });
}

export function item(tenantId: string, kind: string, id: string, fields: object): StoredDocument {
  const at = new Date().toISOString();
  return { ...fields, id, tenantId, kind, schemaVersion: 1, createdAt: at, updatedAt: at };
}

/** Writes items of one tenant past the app, at most 100. */
export async function write(tenantId: string, items: readonly StoredDocument[]): Promise<void> {
  await batch(
    "data",
    tenantId,
    items.map((resourceBody) => ({ operationType: "Create", resourceBody })),
  );
}

/** Deletes items of one tenant past the app, at most 100. */
export async function erase(tenantId: string, ids: readonly string[]): Promise<void> {
  await batch(
    "data",
    tenantId,
    ids.map((id) => ({ operationType: "Delete", id })),
  );
}

/** Sets fields of one document of a tenant past the app, by their paths. */
export async function amend(tenantId: string, id: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
  const operations = Object.entries(fields).map(([path, value]) => ({ op: "set", path, value }) as const);
  await container("data").item(id, tenantId).patch(operations);
}

class BatchFailed extends Error {
  override readonly name = "BatchFailed";
}

async function batch(
  name: "data" | "log",
  key: string | string[],
  operations: readonly OperationInput[],
): Promise<void> {
  for (let at = 0; at < operations.length; at += 100) {
    const { code } = await container(name).items.batch(operations.slice(at, at + 100), key);
    if (code !== 200) throw new BatchFailed(`a batch answered ${code ?? "nothing"}`);
  }
}

/** Makes whoever the token is of a member of the tenant, without an invitation; gives the member's id. */
export async function enrol(tenantId: string, token: string, fields: { email: string; role: string }): Promise<string> {
  const { iss = "", sub = "" } = decodeJwt(token);
  const id = memberId(iss, sub);
  await write(tenantId, [item(tenantId, "member", id, { ...fields, status: "active" })]);
  return id;
}

/**
 * Adds a field with the text to every document of a tenant, and to the objects in them that are no maps; gives the kinds.
 * Again where something was taken away meanwhile, such as a fact that is in the log now.
 */
export async function mark(tenantId: string, text: string, tries = 5): Promise<readonly string[]> {
  const partition = [tenantId, new Date().toISOString().slice(0, 7)];
  const all = await documents(tenantId);
  const entries = await stored("log", tenantId, partition);
  try {
    await batch(
      "data",
      tenantId,
      all.flatMap((document) => patchesOf(document, text)),
    );
    await batch(
      "log",
      partition,
      entries.flatMap((document) => patchesOf(document, text)),
    );
    return [...all, ...entries].map(({ kind }) => kind);
  } catch (error) {
    if (!(error instanceof BatchFailed) || tries === 1) throw error;
    return await mark(tenantId, text, tries - 1);
  }
}

/** Names in them are chosen by people or by events, so another one would be a member like the others. */
const maps = ["answers", "data", "result", "message"];

function patchesOf(document: StoredDocument, text: string): OperationInput[] {
  const paths = objectPaths(document, "");
  const chunks = Array.from({ length: Math.ceil(paths.length / 10) }, (_, at) => paths.slice(at * 10, at * 10 + 10));
  return chunks.map((chunk) => ({
    operationType: "Patch",
    id: document.id,
    resourceBody: { operations: chunk.map((path) => ({ op: "set", path: `${path}/leaked`, value: text })) },
  }));
}

function objectPaths(value: unknown, path: string): string[] {
  if (value === null || typeof value !== "object") return [];
  const name = path.slice(path.lastIndexOf("/") + 1);
  const own = Array.isArray(value) || maps.includes(name) ? [] : [path];
  return [...own, ...Object.entries(value).flatMap(([key, member]) => objectPaths(member, `${path}/${key}`))];
}

/** What reached the tenant's partition of `data` while the work was done, reads and writes, in their order. */
export async function requestsDuring(
  tenantId: string,
  work: () => Promise<unknown>,
): Promise<readonly RequestRecord[]> {
  const { latest } = await recorded("since=1000000000");
  await work();
  const partition = encodeURIComponent(JSON.stringify([tenantId]));
  const { requests } = await recorded(`since=${latest}&container=callpilot/data&partitionKey=${partition}`);
  return requests;
}

/** What reached the database, by the filter of `/_local/requests`, and the number of the latest request. */
export async function recorded(filter: string): Promise<{ latest: number; requests: readonly RequestRecord[] }> {
  const answer = await fetch(`${stackUnderTest().cosmosUrl}/_local/requests?${filter}`);
  return (await answer.json()) as { latest: number; requests: readonly RequestRecord[] };
}

const faults = ["undeclared_problem", "unexpected_error", "breaks its contract"];

/** The lines of the stack's log that tell of an answer to this file's requests that no contract allows. */
export async function brokenPromises(): Promise<readonly string[]> {
  const log = await readFile(join(stackUnderTest().dataDir, "functions.log"), "utf8");
  const lines = log.split("\n").filter((line) => faults.some((fault) => line.includes(fault)));
  return lines.filter((line) => sent.has(/requestId\\":\\"([\w.-]+)/u.exec(line)?.[1] ?? ""));
}

/** An e-mail address that nobody has yet. */
export function newEmail(): string {
  return `${ulid().toLowerCase()}@test.localhost`;
}
