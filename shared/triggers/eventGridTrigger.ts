import type { EventGridFunctionOptions } from "@azure/functions";
import { type Static, type TObject, type TProperties, Type } from "@sinclair/typebox";
import { compose } from "../composition.ts";
import { config } from "../config.ts";
import { tenantOfContainer } from "../storage/containers.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { fault } from "../validator.ts";
import { type ParametersOf, parameterNames, routeParameters } from "./contract.ts";
import { type Log, logOf } from "./logLine.ts";
import { runForTenant } from "./systemRun.ts";

export interface BlobEventInput<Data, Path extends string> {
  readonly data: Data;
  readonly params: Readonly<Record<ParametersOf<Path>, string>>;
  /** The tenant whose container the event's blob is in. */
  readonly tenant: TenantScope;
  readonly log: Log;
}

interface Definition<P extends TProperties, Path extends string> {
  /** The only one that is taken, e.g. `Microsoft.Security.MalwareScanningResult`. */
  readonly eventType: string;
  /** What counts of the event's data, beside `blobUri`. */
  readonly data: P;
  /** Of the blobs in a tenant's container that the events are about; others are passed over. */
  readonly path: Path;
  readonly handler: (input: BlobEventInput<Static<TObject<P>>, Path>) => Promise<void>;
}

const BlobUri = Type.String({ pattern: "^https://[^?#@\\s]+$", maxLength: 2048 });

/**
 * Runs for events about blobs of a tenant (Event Grid schema), at least once and in no order. The host lets in who has its
 * key, which only the subscription has. A throw has Event Grid deliver again, for a day at most, before it is dead-lettered;
 * what a repeat cannot mend is reported and not retried.
 */
export function eventGridTrigger<P extends TProperties, Path extends string>(
  definition: Definition<P, Path>,
): EventGridFunctionOptions {
  const schema = Type.Object(
    {
      id: Type.String({ minLength: 1, maxLength: 256 }),
      eventType: Type.Literal(definition.eventType),
      data: Type.Object({ ...definition.data, blobUri: BlobUri }),
    },
    { $comment: "Open: Azure adds fields to its events as it likes" },
  );
  return {
    handler: async (event, context) => {
      compose();
      const log = logOf(context);
      const wrong = fault(schema, event);
      if (wrong !== undefined) {
        log("error", { event: "event_invalid", target: wrong.pointer });
        return;
      }
      const { data } = event as unknown as { data: Static<TObject<P>> & { blobUri: string } };
      const place = placeOf(data.blobUri);
      if (place === undefined) {
        log("error", { event: "event_of_another_account" });
        return;
      }
      const tenantId = tenantOfContainer(place.container);
      const params = parametersOf(definition.path, place.blobName);
      if (tenantId === undefined || params === undefined) return;
      const run = { action: context.functionName, log, failed: "event_failed" };
      await runForTenant(tenantId, run, (tenant) => definition.handler({ data, params, tenant, log }));
    },
  };
}

/** Where in the storage account the blob is; undefined in any other account. */
function placeOf(blobUri: string): { readonly container: string; readonly blobName: string } | undefined {
  const account = `${config().data.blobUrl}/`;
  if (!blobUri.startsWith(account)) return undefined;
  const [container = "", ...name] = blobUri.slice(account.length).split("/");
  return { container, blobName: name.join("/") };
}

/** The parameters of the path that the name has; undefined where it is another path or a name that is not ours. */
function parametersOf<Path extends string>(
  path: Path,
  blobName: string,
): Readonly<Record<ParametersOf<Path>, string>> | undefined {
  const parts = path.split("/");
  const found = blobName.split("/");
  if (found.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of parts.entries()) {
    const text = found[at] ?? "";
    const [name] = parameterNames(part);
    if (name === undefined ? text !== part : fault(routeParameters[name as ParametersOf<Path>], text) !== undefined)
      return undefined;
    if (name !== undefined) params[name] = text;
  }
  return params;
}
