import { defineKind } from "../tenancy/kind.ts";

export const surveyStates = [
  "draft",
  "invited",
  "in_progress",
  "submitted",
  "in_review",
  "changes_requested",
  "completed",
  "cancelled",
  "expired",
  "deleting",
  "deleted",
] as const;
export type SurveyState = (typeof surveyStates)[number];

/** The survey's state machine: from each state, the states that may follow. */
export const surveyTransitions: Readonly<Record<SurveyState, readonly SurveyState[]>> = {
  draft: ["invited", "cancelled", "deleting"],
  invited: ["in_progress", "cancelled", "expired", "deleting"],
  in_progress: ["submitted", "cancelled", "expired", "deleting"],
  submitted: ["in_review", "changes_requested", "cancelled", "deleting"],
  in_review: ["completed", "changes_requested", "cancelled", "deleting"],
  changes_requested: ["in_progress", "cancelled", "expired", "deleting"],
  completed: ["deleting"],
  cancelled: ["deleting"],
  expired: ["invited", "cancelled", "deleting"],
  deleting: ["deleted"],
  deleted: [],
};

/** The guest's contact data, as the tenant entered it. */
export interface Guest {
  readonly name: string;
  readonly email?: string;
  readonly phone?: string;
  readonly locale?: string;
}

export type AnswerValue = string | number | boolean | string[];

/** One survey for one guest. Answers are patched one by one, so that two of them never collide. */
export interface Survey {
  readonly state: SurveyState;
  readonly templateVersionId: string;
  readonly guest: Guest;
  readonly externalRef?: string;
  /** Member who sees to it; surveyors see the surveys assigned to them only. */
  readonly assigneeId?: string;
  readonly dueAt?: string;
  /** The link that is valid now, if any. */
  readonly linkId?: string;
  /** Links that were ever made; bounds how many mails a survey can send. Absent before the first. */
  readonly linkCount?: number;
  readonly openedAt?: string;
  readonly consent?: {
    readonly version: number;
    readonly accepted: boolean;
    readonly at: string;
    readonly locale: string;
  };
  /** By question id; null where the guest took an answer back. */
  readonly answers: Readonly<Record<string, { readonly value: AnswerValue | null; readonly at: string }>>;
  readonly submittedAt?: string;
  /** What the guest quotes to ask for access or erasure, once submitted. */
  readonly receiptCode?: string;
  /** Why changes were requested, and which questions are to be answered again. */
  readonly changes?: { readonly reason: string; readonly questionIds: readonly string[] };
  /** Videos that were ever started; bounds what a link can make. */
  readonly videoCount: number;
}

/** The scope under which a tenant's own references are unique. */
export const externalRefReservation = "ref";

export const surveyKind = defineKind<Survey>("survey", {
  schemaVersion: 1,
  fields: {
    state: surveyStates,
    templateVersionId: "id",
    guest: { name: "personal", email: "email", phone: "phone", locale: "language" },
    externalRef: "personal",
    assigneeId: "id",
    dueAt: "deadline",
    linkId: "id",
    linkCount: "technical",
    openedAt: "time",
    consent: { version: "technical", accepted: "technical", at: "time", locale: "language" },
    answers: { "*": { value: "freeText", at: "time" } },
    submittedAt: "time",
    receiptCode: "secret",
    changes: { reason: "freeText", questionIds: "handle" },
    videoCount: "technical",
  },
  lists: [
    { where: [], orderBy: "updatedAt", direction: "descending" },
    { where: ["state"], orderBy: "updatedAt", direction: "descending" },
    { where: ["assigneeId"], orderBy: "updatedAt", direction: "descending" },
    { where: ["state", "assigneeId"], orderBy: "updatedAt", direction: "descending" },
    { where: ["externalRef"], orderBy: "updatedAt", direction: "descending" },
    { where: ["externalRef", "assigneeId"], orderBy: "updatedAt", direction: "descending" },
  ],
});
