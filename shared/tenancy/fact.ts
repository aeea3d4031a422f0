import type { QueueName } from "../storage/queues.ts";
import { type Kind, defineKind } from "./kind.ts";

/** What the tenant's log, `GET /events` and webhooks can tell. Data holds ids and closed words, no personal data. */
export const eventTypes = [
  "survey.created",
  "survey.invited",
  "survey.opened",
  "survey.submitted",
  "survey.changes_requested",
  "survey.completed",
  "survey.cancelled",
  "survey.expired",
  "survey.deleted",
  "video.uploaded",
  "video.ready",
  "video.sealed",
  "video.rejected",
  "video.processing_failed",
  "video.analysed",
  "video.deleted",
  "consent.given",
  "consent.withdrawn",
  "export.ready",
  "tenant.activated",
  "tenant.suspended",
  "tenant.quota_warning",
] as const;
export type EventType = (typeof eventTypes)[number];

export interface Event {
  readonly type: EventType;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
}

/** Work for a queue, named by what is to be done; ids only, so that a message can neither leak nor outdate anything. */
export interface Command {
  readonly queue: QueueName;
  readonly message: Readonly<Record<string, string | number | boolean>>;
}

export const actorTypes = ["member", "service", "guest", "operator", "person", "system"] as const;

/** Who acts: a person by member id, a service by key id, a guest by link id, an operator by a hash, a function of ours by name. */
export interface Actor {
  readonly type: (typeof actorTypes)[number];
  readonly id: string;
}

/** One committed state change, until it is ordered into the tenant's log. */
export interface Fact {
  /** The operation that did it, e.g. `createSurvey`. */
  readonly action: string;
  readonly actor: Actor;
  readonly requestId: string;
  /** Keyed hash of the address the request came from. */
  readonly source?: string;
  /** Id of what was changed. */
  readonly target: string;
  /** Code of the problem that the caller was refused with; absent where it was done. */
  readonly denied?: string;
  readonly events: readonly Event[];
  readonly commands: readonly Command[];
}

export const factKind: Kind<Fact> = defineKind<Fact>("fact", {
  schemaVersion: 1,
  fields: {
    action: "technical",
    actor: { type: actorTypes, id: "id" },
    requestId: "id",
    source: "personal",
    target: "id",
    denied: "technical",
    events: { type: eventTypes, data: { "*": "id" } },
    commands: { queue: "technical", message: { "*": "id" } },
  },
  lists: [{ where: [], orderBy: "createdAt", direction: "ascending" }],
});
