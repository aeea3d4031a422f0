import { availableParallelism } from "node:os";
import { sendMessage } from "../storage/queues.ts";
import type { TenantScope } from "../tenancy/scope.ts";

/** Analyses at a time in one process: half of its cores, so that what people wait for finds one free. */
const lanes = Math.max(1, Math.floor(availableParallelism() / 2));
const againSeconds = 5;
let taken = 0;

/**
 * Does an analysis if a lane is free; else puts its message back for a moment and gives undefined. A message that waited
 * here for its turn would use up the time that the function has.
 */
export async function inLane<T>(tenant: TenantScope, videoId: string, work: () => Promise<T>): Promise<T | undefined> {
  if (taken >= lanes) {
    const { tenantId, requestId } = tenant;
    await sendMessage("analyse-video", { tenantId, requestId, videoId }, { delaySeconds: againSeconds });
    return undefined;
  }
  taken += 1;
  try {
    return await work();
  } finally {
    taken -= 1;
  }
}
