import { emailReservation } from "../../shared/members/invitation.ts";
import { remedies } from "../../shared/media/rejection.ts";
import { externalRefReservation } from "../../shared/surveys/survey.ts";
import { receiptCodeOf } from "../../shared/surveys/submitSurvey.ts";
import { hashOf } from "../../shared/templates/publishTemplate.ts";
import type { Template } from "../../shared/templates/template.ts";
import { reservationId, reservationKind } from "../../shared/tenancy/reservation.ts";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import { defaultColor } from "../../shared/tenants/tenant.ts";
import type { Video, VideoState } from "../../shared/videos/video.ts";
import type { RedactedItem } from "./redact.ts";

/** What becomes of a kind's items: copied, redacted and then finished as said, or left where they are, for a reason. */
type Fate =
  | { readonly copied: true; readonly finish?: (item: RedactedItem, original: StoredItem) => readonly RedactedItem[] }
  | { readonly left: string };

/** What every placeholder is. */
const contentType = "video/mp4";

/** What finishing writes, whatever was there. */
export const finishes: readonly string[] = [contentType, defaultColor, ...Object.values(remedies)];

/**
 * The fate of every kind. A kind that is not here, or a field of one that is not classified, ends the copy. Finishing is for
 * what a redacted item alone would promise and the sandbox cannot keep.
 */
export const plan: Readonly<Record<string, Fate>> = {
  // It arrives in another tenant, of which this is all that it takes over.
  tenant: {
    copied: true,
    finish: ({ id, kind, schemaVersion, createdAt, updatedAt, consentText, branding }) => [
      {
        ...{ id, kind, schemaVersion, createdAt, updatedAt, consentText },
        branding: { ...(branding as object), color: defaultColor },
      },
    ],
  },
  // The tenant's owners are those who can sign in there.
  member: { copied: true, finish: (member) => [{ ...member, ...humbled(member) }] },
  template: {
    copied: true,
    finish: (template, original) => [{ ...template, ...publishedAs(template, original) }],
  },
  templateVersion: { copied: true },
  apiKey: { copied: true },
  survey: {
    copied: true,
    finish: (survey) => [
      { ...survey, ...receipt(survey) },
      ...reservation(externalRefReservation, survey["externalRef"], survey),
    ],
  },
  // What was protected with production's keys can be opened by no other.
  link: { copied: true, finish: (link) => [{ ...link, protectedToken: "" }] },
  invitation: {
    copied: true,
    finish: ({ protectedToken: _, ...invitation }) => [
      { ...invitation, ...humbled(invitation) },
      ...reservation(emailReservation, invitation["email"], invitation),
    ],
  },
  webhook: { left: "calls addresses that stay in production" },
  video: { copied: true, finish: (video) => [placeholder(video)] },
  counter: { left: "counted anew of what arrives" },
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

/** An owner is an admin: who arrives cannot sign in, and would count as somebody who can. */
function humbled({ role }: RedactedItem): { role: unknown } {
  return { role: role === "owner" ? "admin" : role };
}

/** A template that says what was published last still does: there is nothing new to publish. */
function publishedAs(copy: RedactedItem, original: StoredItem): { publishedHash?: string } {
  const { publishedHash, ...said } = original as unknown as Template;
  return publishedHash === hashOf(said) ? { publishedHash: hashOf(copy as unknown as Template) } : {};
}

/**
 * Nothing of a recording arrives: what stands in for it is an MP4 in which nothing happens, and a video without files is one
 * that nobody, and no timer, goes on with.
 */
function placeholder({ evidence: _, analysis: __, remarks: ___, ...copy }: RedactedItem): RedactedItem {
  const { state, upload, rejection, analysisState } = copy as unknown as Video;
  return {
    ...copy,
    state: settled[state] ?? state,
    upload: { ...upload, contentType },
    ...(state !== "ready" && { countedBytes: 0 }),
    ...(analysisState === "waiting" && { analysisState: "done" }),
    ...(rejection !== undefined && { rejection: { ...rejection, remedy: remedies[rejection.code] } }),
  };
}

const settled: Readonly<Partial<Record<VideoState, VideoState>>> = {
  awaiting_upload: "upload_expired",
  uploaded: "processing_failed",
  processing: "processing_failed",
  deleting: "deleted",
};
