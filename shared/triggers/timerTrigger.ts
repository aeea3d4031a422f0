import type { TimerFunctionOptions } from "@azure/functions";
import { ulid } from "ulid";
import { compose } from "../composition.ts";
import { admit } from "../tenancy/admit.ts";
import { openBoundary } from "../tenancy/boundary.ts";
import { platformTenantId } from "../tenancy/ids.ts";
import { openScope } from "../tenancy/openScope.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { type Log, errorFields, logOf } from "./logLine.ts";

export interface TimerInput {
  /** The platform's own scope: a timer sees the registry of tenants and sends one message per tenant, no more. */
  readonly platform: TenantScope;
  readonly log: Log;
}

/** Runs on a schedule (NCRONTAB, six fields, UTC), on one instance at a time. */
export function timerTrigger(definition: {
  readonly schedule: string;
  readonly handler: (input: TimerInput) => Promise<void>;
}): TimerFunctionOptions {
  return {
    schedule: definition.schedule,
    handler: async (_timer, context) => {
      compose();
      const log = logOf(context);
      const action = context.functionName;
      const requestId = ulid();
      await openBoundary(requestId, async () => {
        admit(platformTenantId);
        const actor = { type: "system", id: action } as const;
        try {
          await definition.handler({
            platform: openScope({ tenantId: platformTenantId, action, requestId, actor }),
            log,
          });
        } catch (error) {
          log("error", { event: "timer_failed", requestId, ...errorFields(error) });
          throw error;
        }
      });
    },
  };
}
