import { ChangeFeedStartFrom, type Container, CosmosClient } from "@azure/cosmos";
import { identity } from "../../shared/identity.ts";
import { userAgents } from "../cosmos/arrival.ts";
import type { AppFunction } from "./app.ts";
import { HostStopping, pause } from "./invoke.ts";
import { type Lease, LeaseLost, createLeases } from "./lease.ts";
import { describe } from "./log.ts";
import { type Trigger, type TriggerHost, endpointOf, leaseId, numeric, optional, required } from "./trigger.ts";

const troubleWait = 1000;

/**
 * Delivers the latest versions of a container's changed items, as the Cosmos DB trigger does: at least once, without
 * deletions, and a batch whose function failed is skipped unless the function has a retry policy. Progress is kept in
 * the lease container after each batch.
 */
export function createChangeFeedTrigger(
  fn: AppFunction,
  host: TriggerHost,
  { instance }: { readonly instance: string },
): Trigger {
  const endpoint = endpointOf(fn, "accountEndpoint", host.env);
  const databaseName = required(fn, "databaseName");
  const containerName = required(fn, "containerName");
  const leaseName = optional(fn, "leaseContainerName") ?? "leases";
  const pollDelay = numeric(fn, "feedPollDelay") ?? 5000;
  const mostItems = numeric(fn, "maxItemsPerInvocation") ?? 100;

  const startFrom = (continuation: string | undefined) => {
    const startTime = optional(fn, "startFromTime");
    if (continuation !== undefined) return ChangeFeedStartFrom.Continuation(continuation);
    if (fn.trigger["startFromBeginning"] === true) return ChangeFeedStartFrom.Beginning();
    return startTime === undefined ? ChangeFeedStartFrom.Now() : ChangeFeedStartFrom.Time(new Date(startTime));
  };

  /** Reads and delivers until the host stops, the lease is lost or the service fails. */
  const follow = async (container: Container, lease: Lease) => {
    const options = { maxItemCount: mostItems, changeFeedStartFrom: startFrom(lease.continuation) };
    const feed = container.items.getChangeFeedIterator<unknown>(options);
    while (!host.stopping.aborted) {
      const { result, count, continuationToken } = await feed.readNext();
      if (count === 0) {
        // Also before the first change: a start from now must not move on with a restart.
        if (lease.continuation === undefined) await lease.checkpoint(continuationToken);
        else await lease.renewWhenDue();
        await pause(pollDelay, host.stopping);
        continue;
      }
      const stopRenewing = lease.keep();
      try {
        await host.invoker.invokeWithRetries(fn, { data: { json: JSON.stringify(result) } });
      } catch (error) {
        if (error instanceof HostStopping) return;
        host.log.host("error", `${count} changes were skipped: the function failed and does not retry.`, fn.name);
      } finally {
        await stopRenewing();
      }
      await lease.checkpoint(continuationToken);
    }
  };

  const loop = async () => {
    const client = new CosmosClient({ endpoint, aadCredentials: identity(), userAgentSuffix: userAgents.host });
    const leases = createLeases({
      database: client.database(optional(fn, "leaseDatabaseName") ?? databaseName),
      containerName: leaseName,
      createContainer: fn.trigger["createLeaseContainerIfNotExists"] === true,
      id: leaseId(fn, endpoint),
      owner: instance,
      expiry: numeric(fn, "leaseExpirationInterval") ?? 60_000,
      renewal: numeric(fn, "leaseRenewInterval") ?? 17_000,
    });
    const acquireWait = numeric(fn, "leaseAcquireInterval") ?? 13_000;
    while (!host.stopping.aborted)
      try {
        const lease = await leases.acquire();
        if (lease === undefined) await pause(acquireWait, host.stopping);
        else await follow(client.database(databaseName).container(containerName), lease);
      } catch (error) {
        host.log.host("warning", error instanceof LeaseLost ? error.message : describe(error), fn.name);
        await pause(troubleWait, host.stopping);
      }
    client.dispose();
  };

  return {
    start: () => {
      host.run(loop);
      return Promise.resolve();
    },
    runOnce: async (input) => {
      await host.invoker.invokeWithRetries(fn, { data: { json: JSON.stringify(JSON.parse(input)) } });
    },
  };
}
