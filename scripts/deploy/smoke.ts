import { soonRight } from "./soon.ts";

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

/** Asks until every probe is answered as it should be. Throws after so many seconds, with what was wrong at last. */
export async function smoke(address: string, seconds: number): Promise<void> {
  await soonRight(seconds, `${address} does not answer as it should`, async () => {
    const problems = await Promise.all(probes.map((probe) => problemOf(address, probe)));
    return problems.filter((each) => each !== "");
  });
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
