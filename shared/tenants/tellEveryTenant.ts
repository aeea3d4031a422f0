import { type QueueName, sendMessage } from "../storage/queues.ts";
import { platformTenantId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { registeredTenantKind } from "./registry.ts";

/** Puts one message on the queue for every tenant there is, and for the platform itself. */
export async function tellEveryTenant(platform: TenantScope, queue: QueueName): Promise<void> {
  const { requestId } = platform;
  await sendMessage(queue, { tenantId: platformTenantId, requestId });
  for await (const { id, state } of platform.repository.all(registeredTenantKind))
    if (state !== "deleted") await sendMessage(queue, { tenantId: id, requestId });
}
