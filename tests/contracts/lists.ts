import { every } from "./cases.ts";
import type { Side } from "./side.ts";

/** What a list answers, or the problem that it refuses with. */
export interface Page {
  readonly items: readonly { readonly id: string }[];
  readonly nextCursor?: string;
  readonly code?: string;
}

/** Filters under which each list has several pages. */
export const filters: Readonly<Record<string, (side: Side) => readonly Record<string, string>[]>> = {
  listAccessGrants: () => [{}],
  listMembers: () => [{}],
  listTemplates: () => [{}],
  listAudit: ({ people }) => [{}, { actor: people.owner.id }, { from: "2020-01-01T00:00:00Z" }],
  listSurveys: ({ people }) => [
    {},
    { state: "draft" },
    { assigneeId: people.surveyor.id },
    { state: "draft", assigneeId: people.surveyor.id },
    { updatedSince: "2020-01-01T00:00:00Z" },
  ],
};

/** The operations that give pages. */
export const lists = every(({ contract }) => contract.query !== undefined && "cursor" in contract.query.properties);
