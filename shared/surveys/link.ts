import { defineKind } from "../tenancy/kind.ts";

/** A guest's way into one survey, without an account. */
export interface Link {
  readonly surveyId: string;
  /** `replaced` by a newer one, or `closed` with its survey. */
  readonly status: "active" | "replaced" | "closed";
  readonly channel: "email" | "none";
  /** SHA-256 of the token's secret, hex. */
  readonly secretHash: string;
  /** The whole token, protected with {@link linkTokenUse}, for its mail and for reminders; empty once it is replaced or closed. */
  readonly protectedToken: string;
  readonly expiresAt: string;
  /** When the mail service took the link's mail; absent before. */
  readonly mailedAt?: string;
}

/** What a link's token is protected for. */
export const linkTokenUse = "link-token";

export const linkKind = defineKind<Link>("link", {
  schemaVersion: 1,
  fields: {
    surveyId: "id",
    status: ["active", "replaced", "closed"],
    channel: ["email", "none"],
    secretHash: "secret",
    protectedToken: "secret",
    expiresAt: "deadline",
    mailedAt: "time",
  },
});
