import { Agent, request as send } from "node:http";
import fc from "fast-check";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { operations } from "./document.ts";
import { type FuzzRequest, requestsTo } from "./requests.ts";
import { type FuzzAnswer, faultOf, reachedHandler } from "./verdict.ts";
import { type World, newSides, newWorld } from "./world.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** Requests under way at a time. */
  readonly parallel: number;
  readonly onFinding?: (finding: Finding) => void;
  /** Called after every round, with how many requests were sent. */
  readonly onRound?: (sent: number) => Promise<void>;
}

export interface Finding {
  /** Place of the request in the run. */
  readonly number: number;
  readonly operation: string;
  readonly mutation: string;
  readonly fault: string;
  /** The request, to be sent again as long as its stack runs. */
  readonly curl: string;
}

export interface FuzzReport {
  readonly sent: number;
  readonly reached: number;
  readonly byOperation: ReadonlyMap<string, number>;
  readonly byStatus: ReadonlyMap<number, number>;
  readonly findings: readonly Finding[];
}

/** Requests after which surveys, guests and videos are made anew. */
const round = 1_000;
/** Requests after which the tenants are new ones: the local database reads a whole partition to answer a query. */
const tenancy = 5_000;

/** Sends requests made from the API document to the stack under test, the same ones for the same seed. */
export async function fuzz({ seed, requests, parallel, onRound, onFinding }: FuzzOptions): Promise<FuzzReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: parallel });
  const byOperation = new Map<string, number>();
  const byStatus = new Map<number, number>();
  const findings: Finding[] = [];
  let sides = await newSides();
  let reached = 0;
  const judge = async (number: number, request: FuzzRequest): Promise<void> => {
    const answer = await answerTo(agent, request);
    const { id } = request.operation;
    byOperation.set(id, (byOperation.get(id) ?? 0) + 1);
    byStatus.set(answer.status, (byStatus.get(answer.status) ?? 0) + 1);
    const fault = faultOf(request, answer);
    if (fault === undefined) {
      if (reachedHandler(request, answer)) reached++;
      return;
    }
    const finding = { number, operation: id, mutation: request.mutation, fault, curl: curl(request) };
    findings.push(finding);
    onFinding?.(finding);
  };
  for (let sent = 0; sent < requests; sent += round) {
    if (sent % tenancy === 0 && sent > 0) sides = await newSides();
    const batch = sampled(seed + sent, Math.min(round, requests - sent), await newWorld(sides));
    await inParallel(parallel, batch, (request, at) => judge(sent + at, request));
    await onRound?.(sent + batch.length);
  }
  agent.destroy();
  return { sent: requests, reached, byOperation, byStatus, findings };
}

/** So many requests, equally many to each operation. */
function sampled(seed: number, count: number, { existing, credentials }: World): FuzzRequest[] {
  const each = Math.ceil(count / operations.length);
  const lists = operations.map((operation, at) =>
    fc.sample(requestsTo(operation, existing, credentials), { seed: seed + at, numRuns: each }),
  );
  return Array.from({ length: each }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1)))
    .flat()
    .slice(0, count);
}

async function inParallel<T>(
  parallel: number,
  items: readonly T[],
  work: (item: T, at: number) => Promise<void>,
): Promise<void> {
  const entries = items.entries();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (const [at, item] of entries) await work(item, at);
    }),
  );
}

/** Again where the server had closed an idle connection at the same moment, as it may. */
async function answerTo(agent: Agent, request: FuzzRequest): Promise<FuzzAnswer> {
  try {
    return await exchange(agent, request);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ECONNRESET") throw error;
    return await exchange(agent, request);
  }
}

async function exchange(agent: Agent, { operation, target, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
  const { hostname, port } = new URL(stackUnderTest().apiUrl);
  return await new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const options = {
      agent,
      hostname,
      port,
      path: target,
      method: operation.method,
      headers: { ...headers, ...length },
    };
    const request = send(options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

function curl({ operation, target, headers, body }: FuzzRequest): string {
  const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  return [
    `curl -i -X ${operation.method} ${quoted(stackUnderTest().apiUrl + target)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`--data-binary ${quoted(body)}`]),
  ].join(" ");
}
