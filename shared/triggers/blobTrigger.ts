import type { StorageBlobFunctionOptions } from "@azure/functions";
import { compose } from "../composition.ts";
import { ingestSource } from "../config.ts";
import { isTenantId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { fault } from "../validator.ts";
import { type ParametersOf, parameterNames, routeParameters } from "./contract.ts";
import { type Log, logOf } from "./logLine.ts";
import { runForTenant } from "./systemRun.ts";

export interface BlobInput<Path extends string> {
  readonly params: Readonly<Record<ParametersOf<Path>, string>>;
  /** The tenant that the blob's path names. */
  readonly tenant: TenantScope;
  readonly log: Log;
}

/**
 * Runs for each new blob on a path such as `ingest/{tenantId}/{surveyId}/{videoId}.json`, at least once and in no order.
 * The tenant is the path's, which only this app can write. The host loads the blob into memory: it is a small manifest,
 * never a video.
 */
export function blobTrigger<Path extends string>(definition: {
  readonly path: Path;
  readonly handler: (input: BlobInput<Path>) => Promise<void>;
}): StorageBlobFunctionOptions {
  return {
    path: definition.path,
    connection: "DATA",
    source: ingestSource(),
    handler: async (_blob, context) => {
      compose();
      const log = logOf(context);
      const params = Object.fromEntries(
        parameterNames(definition.path).map((name) => [name, textOf(context.triggerMetadata?.[name])]),
      );
      const tenantId = params["tenantId"] ?? "";
      const strange = Object.entries(params).find(
        ([name, value]) => fault(routeParameters[name as keyof typeof routeParameters], value) !== undefined,
      );
      if (strange !== undefined || !isTenantId(tenantId)) {
        // A repeat cannot mend a name that is not ours: it is reported, not retried.
        log("error", { event: "blob_path_invalid", target: strange?.[0] ?? "tenantId" });
        return;
      }
      const run = { action: context.functionName, log, failed: "blob_failed" };
      await runForTenant(tenantId, run, (tenant) => definition.handler({ params, tenant, log }));
    },
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
