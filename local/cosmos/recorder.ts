import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { RequestRecord } from "./requestLog.ts";

/** Names the folder in which the servers of a test run keep their records. */
export const recordDirVariable = "CALLPILOT_DATABASE_RECORD";

/** A request for documents, as it is kept: one line of JSON. */
export type KeptRecord = Pick<
  RequestRecord,
  "operation" | "container" | "partitionKey" | "id" | "activityId" | "from" | "violation"
>;

/** The file of the server that listens on the port. */
export function recordFile(dir: string, processId: number, port: number): string {
  return join(dir, `${processId}-${port}.jsonl`);
}

/** Keeps requests for documents in a file, each at once: the process may be killed. Undefined without a folder. */
export function recorder(dir: string | undefined, port: number): ((record: KeptRecord) => void) | undefined {
  if (dir === undefined) return undefined;
  const file = recordFile(dir, process.pid, port);
  return ({ operation, container, partitionKey, id, activityId, from, violation }) => {
    if (!operation.startsWith("document.") || operation === "document.queryPlan") return;
    const kept: KeptRecord = {
      operation,
      activityId,
      from,
      ...(container !== undefined && { container }),
      ...(partitionKey !== undefined && { partitionKey }),
      ...(id !== undefined && { id }),
      ...(violation !== undefined && { violation }),
    };
    appendFileSync(file, `${JSON.stringify(kept)}\n`);
  };
}
