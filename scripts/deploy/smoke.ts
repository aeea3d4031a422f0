import { setTimeout as delay } from "node:timers/promises";

interface Probe {
  readonly path: string;
  readonly status: number;
  /** In the text of the answer. */
  readonly says: string;
}

/** What any caller may ask, and what everybody is told who is not signed in. */
const probes: readonly Probe[] = [
  { path: "/health", status: 200, says: '"alive"' },
  { path: "/health/ready", status: 200, says: "" },
  { path: "/v1/openapi.json", status: 200, says: '"openapi"' },
  { path: "/v1/tenant", status: 401, says: '"unauthenticated"' },
];

const againMs = 2_000;

/** Asks until every probe is answered as it should be. Throws after so many seconds, with what was wrong at last. */
export async function smoke(address: string, seconds: number): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const wrong = (await Promise.all(probes.map((probe) => problemOf(address, probe)))).filter((each) => each !== "");
    if (wrong.length === 0) return;
    if (Date.now() + againMs > end) throw new Error(`${address} does not answer as it should: ${wrong.join("; ")}`);
    await delay(againMs);
  }
}

async function problemOf(address: string, { path, status, says }: Probe): Promise<string> {
  try {
    const answer = await fetch(`${address}${path}`, { signal: AbortSignal.timeout(30_000), redirect: "error" });
    const text = await answer.text();
    if (answer.status !== status) return `${path} answered ${answer.status}`;
    return text.includes(says) ? "" : `${path} answered something else`;
  } catch (error) {
    return `${path}: ${(error as Error).message}`;
  }
}
