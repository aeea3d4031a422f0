import { newReadyVideo } from "../contracts/cases.ts";
import { type Side, newDraftSurvey, newOpenSurvey, newSide } from "../contracts/side.ts";
import { api, expectApi } from "../support/tenant.ts";
import type { Credentials } from "./requests.ts";
import type { Existing } from "./values.ts";

/** A tenant to send requests to, and what can be named in it. */
export interface World {
  readonly existing: Existing;
  readonly credentials: Credentials;
}

/** Two tenants: one to work in, one whose things have to stay unknown. */
export async function newSides(): Promise<readonly [own: Side, foreign: Side]> {
  return await Promise.all([newSide(), newSide()]);
}

/** Fresh surveys, guests and videos in the tenant: what was there before is submitted, cancelled or used up. */
export async function newWorld([own, foreign]: readonly [Side, Side]): Promise<World> {
  const { people, service, operator, stranger, templateId, templateVersionId, questionId } = own;
  const open = await Promise.all(Array.from({ length: 8 }, () => newOpenSurvey(own)));
  const drafts = await Promise.all(Array.from({ length: 4 }, () => newDraftSurvey(own)));
  const ready = await Promise.all(Array.from({ length: 2 }, () => newReadyVideo(own)));
  const uploads = await Promise.all(open.slice(0, 4).map(({ guest }) => newUpload(guest)));
  const { body: webhooks } = await expectApi<{ items: readonly { id: string }[] }>("GET /v1/webhooks", 200, {
    token: people.owner.token,
  });
  const members = [people.owner, people.owner, people.owner, people.admin, people.surveyor, people.auditor];
  return {
    existing: {
      svy: [...open.map(({ surveyId }) => surveyId), ...drafts, ...ready.map(({ surveyId }) => surveyId)],
      vid: [...ready.map(({ videoId }) => videoId), ...uploads],
      tpl: [templateId, templateId, foreign.templateId],
      tpv: [templateVersionId, templateVersionId, foreign.templateVersionId],
      mbr: [...members.map(({ id }) => id), foreign.people.owner.id],
      whk: webhooks.items.slice(0, 5).map(({ id }) => id),
      tnt: [own.id, foreign.id],
      op: [await newOperation(operator)],
      questionId: [questionId, "room", "floor"],
      token: open.map(({ linkToken }) => linkToken),
      // Each other name would make a tenant, which is slow and beside the point.
      name: ["Fuzzed"],
      url: ["https://hooks.example.com/", "https://10.0.0.1/"],
      contentType: ["video/mp4", "video/webm"],
      "If-Match": await versionsOf(own),
    },
    credentials: {
      member: members.map(({ token }) => token),
      serviceKey: [service],
      operator: [operator],
      guestSession: open.map(({ guest }) => guest),
      other: [stranger, foreign.people.owner.token, foreign.guest, `${operator}x`, "gs.x.y", "x".repeat(40)],
    },
  };
}

async function newUpload(guest: string): Promise<string> {
  const { body } = await expectApi<{ id: string }>("POST /v1/guest/videos", 201, {
    token: guest,
    body: { questionId: "room", size: 1, contentType: "video/mp4" },
  });
  return body.id;
}

/** The platform's own work, under a name that is taken: only one of these ever makes a tenant. */
async function newOperation(token: string): Promise<string> {
  const body = { name: "Fuzzed", ownerEmail: "owner@fuzzed.localhost", plan: "trial" };
  const headers = { "idempotency-key": "the-only-one" };
  const answer = await api<{ id?: string }>("POST /v1/platform/tenants", { token, body, headers });
  return answer.body.id ?? "op_00000000000000000000000000";
}

async function versionsOf({ people, templateId }: Side): Promise<string[]> {
  const { headers } = await expectApi(`GET /v1/templates/${templateId}`, 200, { token: people.owner.token });
  return [headers.get("etag") ?? ""];
}
