import type { TimerFunctionOptions } from "@azure/functions";
import { ulid } from "ulid";
import { compose } from "../composition.ts";
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
      const platform = openScope({
        tenantId: platformTenantId,
        action,
        requestId: ulid(),
        actor: { type: "system", id: action },
      });
      try {
        await definition.handler({ platform, log });
      } catch (error) {
        log("error", { event: "timer_failed", requestId: platform.requestId, ...errorFields(error) });
        throw error;
      }
    },
  };
}
