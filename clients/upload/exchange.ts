import { Lost } from "./perseverance.ts";

/** The API or the storage said no, and will say so again. `code` is the problem's, e.g. `too_large`. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly code: string;
  /** The problem as the API wrote it; empty for the storage. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(what: string, status: number, problem: Readonly<Record<string, unknown>>) {
    const code = typeof problem["code"] === "string" ? problem["code"] : "no_problem";
    super(`${what} was refused with ${status} ${code}`);
    this.status = status;
    this.code = code;
    this.problem = problem;
  }
}

/** What `fetch` is, or something in front of it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Exchange extends RequestInit {
  readonly method: string;
  /** Without an answer by then it counts as lost. */
  readonly timeoutMs: number;
}

const passing = [408, 425, 429];

/**
 * One request, and the value of its answer if that is JSON. Throws {@link Lost} where there is no whole answer or one that
 * may be another later, {@link Refusal} for all others but 2xx.
 */
export async function exchange(
  fetch: Fetch,
  url: string,
  { timeoutMs, signal, ...init }: Exchange,
): Promise<Record<string, unknown>> {
  const { origin, pathname } = new URL(url);
  // Without the query: a grant's is a secret.
  const what = `${init.method} ${origin}${pathname}`;
  const timeout = AbortSignal.timeout(timeoutMs);
  let answer: Response;
  let value: Record<string, unknown>;
  try {
    // Neither the API nor the storage sends anybody elsewhere: that is a network that wants a login first.
    answer = await fetch(url, {
      ...init,
      redirect: "error",
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
    });
    const text = await answer.text();
    const isJson = answer.headers.get("content-type")?.includes("json") === true;
    value = isJson ? objectOf(JSON.parse(text)) : {};
  } catch (error) {
    signal?.throwIfAborted();
    throw new Lost(`${what} got no answer`, { cause: error });
  }
  if (answer.ok) return value;
  if (answer.status < 500 && !passing.includes(answer.status)) throw new Refusal(what, answer.status, value);
  const seconds = Number(answer.headers.get("retry-after") ?? 0);
  throw new Lost(`${what} was answered ${answer.status}`, { pauseMs: Number.isFinite(seconds) ? seconds * 1000 : 0 });
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
