import type { InvocationContext, StorageQueueFunctionOptions } from "@azure/functions";
import { type Static, type TObject, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { compose } from "../composition.ts";
import type { QueueName } from "../storage/queues.ts";
import { admit } from "../tenancy/admit.ts";
import { openBoundary } from "../tenancy/boundary.ts";
import type { Actor } from "../tenancy/fact.ts";
import { Id, TenantId, platformTenantId, prefixes } from "../tenancy/ids.ts";
import { openScope } from "../tenancy/openScope.ts";
import type { ChangeContext, TenantScope } from "../tenancy/scope.ts";
import { fault } from "../validator.ts";
import { type Log, databaseFields, errorFields, logOf } from "./logLine.ts";

/** What every message has: whose it is, and the request that caused it. */
const envelope = {
  schemaVersion: Type.Integer({ minimum: 1, maximum: 1_000 }),
  tenantId: TenantId,
  requestId: Type.String({ pattern: "^[\\w.-]{1,64}$", maxLength: 64 }),
};

/** What a message of the platform has that is about a tenant. */
const subject = { subjectTenantId: Id(prefixes.tenant) };

/** `maxDequeueCount` of host.json. */
export const maxAttempts = 5;

export interface QueueInput<Message> {
  readonly message: Message;
  /** The tenant that the message names; of a message with a subject, its subject. */
  readonly tenant: TenantScope;
  /** How often this message was delivered, this time included; after {@link maxAttempts} it leaves for the poison queue. */
  readonly attempt: number;
  readonly log: Log;
}

/** What a message of the platform about a tenant comes with. */
export interface SubjectInput<Message> extends QueueInput<Message> {
  /** The platform's own scope, for what its registry says about the tenant. */
  readonly platform: TenantScope;
}

interface Definition<P extends TProperties> {
  readonly queue: QueueName;
  /** Fields of the message beside its envelope. */
  readonly message: P;
}

type Handled<Message> = {
  /** Whose doing it is in the tenant's log, where it is not the function's own. */
  readonly actor?: (message: Message) => Actor;
} & (
  | { readonly subject?: never; readonly handler: (input: QueueInput<Message>) => Promise<void> }
  | {
      /** Messages of the platform, each about the tenant that its `subjectTenantId` names. */
      readonly subject: true;
      readonly handler: (input: SubjectInput<Message>) => Promise<void>;
    }
);

/**
 * Consumes a queue, at least once and in no order: handlers are idempotent. A throw means that it is our own fault or a
 * passing one; the host delivers again and gives up after {@link maxAttempts}.
 */
export function queueTrigger<P extends TProperties>(
  definition: Definition<P> & Handled<Static<TObject<P>>>,
): StorageQueueFunctionOptions {
  const schema = Type.Object(
    { ...envelope, ...(definition.subject && subject), ...definition.message },
    { $comment: "Open: the next build's messages may have more fields while both builds consume" },
  );
  const handler = async (queueEntry: unknown, context: InvocationContext): Promise<void> => {
    compose();
    const log = logOf(context);
    const entry = typeof queueEntry === "string" ? (JSON.parse(queueEntry) as unknown) : queueEntry;
    const wrong = fault(schema, entry);
    const tenantId = wrong === undefined ? tenantOf(entry as Sent, definition.subject === true) : undefined;
    if (tenantId === undefined) {
      log("error", {
        event: "message_invalid",
        code: wrong?.code ?? "tenant",
        target: wrong?.pointer ?? "/tenantId",
      });
      throw new Error("a message that does not match its schema");
    }
    const message = entry as Static<TObject<P>>;
    const { requestId } = entry as Sent;
    const attempt = Number(context.triggerMetadata?.["dequeueCount"] ?? 1);
    const actor = { type: "system", id: context.functionName } as const;
    const facts = { action: context.functionName, requestId, actor };
    const started = performance.now();
    await openBoundary(requestId, async () => {
      admit(tenantId);
      try {
        const tenant = openScope({ ...facts, tenantId, actor: definition.actor?.(message) ?? actor });
        const input = { message, tenant, attempt, log };
        if (definition.subject === undefined) await definition.handler(input);
        else await definition.handler({ ...input, platform: platformScope(facts) });
      } catch (error) {
        log("error", { event: "message_failed", tenantId, requestId, attempt, ...errorFields(error) });
        throw error;
      }
      log("info", {
        event: "message",
        tenantId,
        requestId,
        attempt,
        milliseconds: Math.round(performance.now() - started),
        ...databaseFields(),
      });
    });
  };
  const options: StorageQueueFunctionOptions = { queueName: definition.queue, connection: "DATA", handler };
  messageSchemas.set(options, schema);
  return options;
}

const messageSchemas = new WeakMap<object, TSchema>();

/** What the messages of a registration made by {@link queueTrigger} are checked against. */
export function messageSchemaForTests(options: object): TSchema | undefined {
  return messageSchemas.get(options);
}

function platformScope(facts: Omit<ChangeContext, "tenantId">): TenantScope {
  admit(platformTenantId);
  return openScope({ ...facts, tenantId: platformTenantId });
}

interface Sent {
  readonly tenantId: string;
  readonly requestId: string;
  readonly subjectTenantId: string;
}

/** The tenant that a message is for; undefined where it may not be for the one that it names. */
function tenantOf({ tenantId, subjectTenantId }: Sent, hasSubject: boolean): string | undefined {
  if (!hasSubject) return tenantId;
  return tenantId === platformTenantId ? subjectTenantId : undefined;
}
