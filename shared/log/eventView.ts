import { Type } from "@sinclair/typebox";
import { Choice, Decimal, type Static, Time, Whole, closed } from "../schema.ts";
import { surveyKind } from "../surveys/survey.ts";
import { type EventType, eventTypes } from "../tenancy/fact.ts";
import type { LogEntry } from "../tenancy/logEntry.ts";
import type { TenantScope } from "../tenancy/scope.ts";

export const Sequence = Whole(0, 999_999_999_999, "Place in the tenant's log; the first entry has 1");

export const EventData = Type.Record(
  Type.String({ pattern: "^[a-zA-Z]{1,40}$" }),
  Type.Union([Type.String({ maxLength: 200 }), Decimal, Type.Boolean(), Type.Null()]),
  {
    additionalProperties: false,
    maxProperties: 20,
    description: "Ids, closed words, and the survey's externalRef where it has one and events are listed",
  },
);

/** What happened to a tenant: the same object in `GET /v1/events` and as the body of a webhook. */
export const EventView = closed({
  id: Type.String({ pattern: "^evt_[0-9]{12}$", maxLength: 16 }),
  sequence: Sequence,
  type: Choice(eventTypes),
  time: Time,
  data: EventData,
});
export type EventView = Static<typeof EventView>;

type EventEntry = LogEntry & { readonly type: EventType };

/** Whether the entry is an event; the others are for the audit only. */
export function isEvent(entry: LogEntry): entry is EventEntry {
  return entry.type !== undefined;
}

/**
 * The events as others are told of them. The log is kept for ever and holds ids only, so what a customer calls a survey is
 * looked up now. At most 100 events; one query, none where no event is about a survey.
 */
export async function eventViews(tenant: TenantScope, entries: readonly EventEntry[]): Promise<EventView[]> {
  const surveyIds = new Set(
    entries.flatMap(({ data }) => (typeof data["surveyId"] === "string" ? data["surveyId"] : [])),
  );
  const surveys = await tenant.repository.findMany(surveyKind, [...surveyIds]);
  return entries.map(({ id, seq, type, occurredAt, data }) => {
    const externalRef = surveys.get(String(data["surveyId"]))?.externalRef;
    return {
      id,
      sequence: seq,
      type,
      time: occurredAt,
      data: { ...data, ...(externalRef !== undefined && { externalRef }) },
    };
  });
}
