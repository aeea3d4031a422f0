import { emailReservation } from "../../shared/members/invitation.ts";
import { receiptCodeOf } from "../../shared/surveys/submitSurvey.ts";
import { counterId } from "../../shared/tenancy/counter.ts";
import { reservationId, reservationKind } from "../../shared/tenancy/reservation.ts";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import { counters } from "../../shared/tenants/tenant.ts";
import { Unclassified, type RedactedItem } from "./redact.ts";

/** What becomes of a kind's items: copied, redacted and then finished as said, or left where they are, for a reason. */
type Fate =
  | { readonly copied: true; readonly finish?: (item: RedactedItem, original: StoredItem) => readonly RedactedItem[] }
  | { readonly left: string };

/** Where nobody listens (RFC 2606, 2). */
const nobodysAddress = "https://redacted.invalid/";
const disabled = "disabled";
const notProcessed = "processing_failed";

/** What finishing writes, whatever was there. */
export const finishes: readonly string[] = [nobodysAddress, disabled, notProcessed];

/**
 * The fate of every kind. A kind that is not here, or a field of one that is not classified, ends the copy. Finishing is for
 * what a redacted item alone would promise and the sandbox cannot keep.
 */
export const plan: Readonly<Record<string, Fate>> = {
  tenant: { copied: true },
  member: { copied: true },
  template: { copied: true },
  templateVersion: { copied: true },
  apiKey: { copied: true },
  survey: {
    copied: true,
    finish: (survey) => [{ ...survey, ...receipt(survey) }, ...reservation("ref", survey["externalRef"], survey)],
  },
  // What was protected with production's keys can be opened by no other.
  link: { copied: true, finish: (link) => [{ ...link, protectedToken: "" }] },
  invitation: {
    copied: true,
    finish: ({ protectedToken: _, ...invitation }) => [
      invitation,
      ...reservation(emailReservation, invitation["email"], invitation),
    ],
  },
  webhook: {
    copied: true,
    finish: ({ previousSecrets: _, ...webhook }) => [
      { ...webhook, url: nobodysAddress, protectedSecret: "", status: disabled },
    ],
  },
  video: {
    copied: true,
    finish: ({ evidence: _, ...video }) => [{ ...video, state: settledState(video["state"]) }],
  },
  counter: {
    copied: true,
    finish: (counter, { id }) => {
      // Their ids are no ids of anybody: `cnt_` and one of our words.
      if (!Object.values(counters).some((name) => id === counterId(name)))
        throw new Unclassified(`counter ${id} is new`);
      return [{ ...counter, id }];
    },
  },
  reservation: { left: "made anew of the pseudonyms" },
  fact: { left: "the sandbox has a log of its own" },
  recorded: { left: "the sandbox has a log of its own" },
  evidenceDraft: { left: "evidence is of recordings, which stay in production" },
  scanResult: { left: "is about recordings, which stay in production" },
  lease: { left: "nobody is at work on a copy" },
  idempotency: { left: "nobody repeats a request of production's" },
  operation: { left: "is of work that was production's" },
  delivery: { left: "went to addresses that stay in production" },
  accessGrant: { left: "operators see a sandbox without asking" },
  accessRequest: { left: "is the platform's, which is not copied" },
  registeredTenant: { left: "is the platform's, which is not copied" },
};

/** A value that was unique stays so: whoever tries it again is refused there as well. */
function reservation(scope: string, value: unknown, { id, createdAt, updatedAt }: RedactedItem): RedactedItem[] {
  if (typeof value !== "string") return [];
  const { name: kind, schemaVersion } = reservationKind;
  return [{ id: reservationId(scope, value), kind, schemaVersion, createdAt, updatedAt, owner: id }];
}

/** A code as the product makes them, of what stands in for the secret one. */
function receipt({ receiptCode: secret }: RedactedItem): { receiptCode?: string } {
  return typeof secret === "string" ? { receiptCode: receiptCodeOf(Buffer.from(secret, "hex")) } : {};
}

/** Nothing of a recording arrives, so nobody can go on with one that was under way. */
function settledState(state: unknown): unknown {
  return state === "uploaded" || state === "processing" ? notProcessed : state;
}
