import { BlobServiceClient } from "@azure/storage-blob";
import { ulid } from "ulid";
import { localCredential } from "../../local/cosmos/testSupport.ts";
import { newManifest, newSigner, signed } from "../../shared/evidence/evidenceForTests.ts";
import { manifestHash } from "../../shared/evidence/manifest.ts";
import { scopes } from "../../shared/keys/apiKey.ts";
import { type Permission, allows } from "../../shared/auth/permissions.ts";
import { lazy } from "../../shared/lazy.ts";
import { newSecret, secretHash, tokenText } from "../../shared/protection/oneTimeToken.ts";
import { containerName } from "../../shared/storage/containers.ts";
import { platformTenantId } from "../../shared/tenancy/ids.ts";
import type { Contract } from "../../shared/triggers/contract.ts";
import { blobNames } from "../../shared/videos/video.ts";
import { type Operation, type Request, amend, item, newEmail, operations, write } from "../support/contracts.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";
import { expectApi } from "../support/tenant.ts";
import {
  type CallerName,
  type OpenSurvey,
  type Side,
  draftOf,
  newAccessRequest,
  newDraft,
  newDraftSurvey,
  newGrantedAccess,
  newKey,
  newOpenSurvey,
  newSupport,
  tokenOf,
} from "./side.ts";

/**
 * How an operation is used on a tenant's own things. What the tests of this folder need to know of an operation beside its
 * contract; one without a case fails them.
 */
export interface OperationCase {
  /** A request that succeeds once, as that caller, on what it makes for it. */
  readonly request: (side: Side, caller: CallerName) => Promise<Request>;
  /** Another valid request of the same caller, which an Idempotency-Key must not be reused for. */
  readonly other?: (request: Request, side: Side) => Request | Promise<Request>;
  /** Fields that name something that exists already, by `body/…` or `query/…`: its name on another side. */
  readonly names?: Readonly<Record<string, (side: Side) => string | Promise<string>>>;
  /** Fields that look like one of those and hold the caller's own words. */
  readonly words?: readonly string[];
  /** Tells what callers have asked for, with ids of other tenants where they tried those. */
  readonly recalls?: true;
}

const mine = async (side: Side, caller: CallerName, more: Omit<Request, "token"> = {}): Promise<Request> => ({
  token: await tokenOf(side, caller),
  ...more,
});
const plain: OperationCase = { request: mine };

/** A request on a survey of the tenant's: who sees only one survey is granted this one. */
async function onSurvey(side: Side, caller: CallerName, surveyId: string, params: object = {}): Promise<Request> {
  const token = caller === "support" ? await newSupport(side, surveyId) : await tokenOf(side, caller);
  return { token, params: { surveyId, ...params } };
}

async function onVideo(side: Side, caller: CallerName, { surveyId, videoId }: VideoPlace): Promise<Request> {
  return await onSurvey(side, caller, surveyId, { videoId });
}

const accessRequest = async (side: Side) => newAccessRequest(side, await newDraftSurvey(side));

function onOpenSurvey(
  more: (survey: OpenSurvey, side: Side) => Omit<Request, "token"> | Promise<Omit<Request, "token">>,
) {
  return async (side: Side): Promise<Request> => {
    const survey = await newOpenSurvey(side);
    return { token: survey.guest, ...(await more(survey, side)) };
  };
}

const withBody = (more: object) => (request: Request) => ({
  ...request,
  body: { ...(request.body as object), ...more },
});

/** An upload that waits for its one byte. */
async function newUpload({ guest }: OpenSurvey): Promise<{ id: string; url: string }> {
  const { body } = await expectApi<{ id: string; upload: { url: string } }>("POST /v1/guest/videos", 201, {
    token: guest,
    body: { questionId: "room", size: 1, contentType: "video/mp4" },
  });
  return { id: body.id, url: body.upload.url };
}

export async function sendByte(url: string): Promise<number> {
  const headers = { "x-ms-blob-type": "BlockBlob" };
  return (await fetch(url, { method: "PUT", body: "x", headers })).status;
}

interface VideoPlace {
  readonly surveyId: string;
  readonly videoId: string;
}

/** A ready video whose files are what was once uploaded for it. */
export async function newReadyVideo(side: Side, more: (place: VideoPlace) => object = () => ({})): Promise<VideoPlace> {
  const surveyId = await newDraftSurvey(side);
  const videoId = `vid_${ulid()}`;
  const file = { blob: `videos/${surveyId}/${videoId}/video.mp4`, size: 1, sha256: "0".repeat(64) };
  const cue = { startMs: 0, endMs: 1_000, x: 0, y: 0, width: 160, height: 90 };
  await write(side.id, [
    item(side.id, "video", videoId, {
      surveyId,
      questionId: "room",
      state: "ready",
      upload: { size: 1, contentType: "video/mp4", blockSize: 4_194_304, expiresAt: new Date().toISOString() },
      flight: {
        device: { system: "ios" },
        codecs: ["h264"],
        renewals: [{ at: new Date().toISOString(), receivedBytes: 1 }],
        journal: { retries: 1 },
        blocks: 1,
      },
      countedBytes: 0,
      attempts: 1,
      legalHold: false,
      original: file,
      outputs: {
        video: file,
        poster: file,
        sprite: { ...file, cues: [cue] },
        method: "remux",
        durationMs: 1_000,
        width: 160,
        height: 90,
      },
      ...more({ surveyId, videoId }),
    }),
  ]);
  return { surveyId, videoId };
}

/** A ready video with evidence, which no vault has signed. */
async function newSealedVideo(side: Side): Promise<VideoPlace> {
  const files = new BlobServiceClient(stackUnderTest().blobUrl, localCredential);
  const made: Promise<unknown>[] = [];
  const place = await newReadyVideo(side, ({ surveyId, videoId }) => {
    const manifest = newManifest({ tenantId: side.id, surveyId, videoId });
    const { evidence: blob } = blobNames(surveyId, videoId);
    const text = JSON.stringify(signed(manifest, signer()));
    const container = files.getContainerClient(containerName(side.id));
    made.push(container.getBlockBlobClient(blob).upload(text, text.length));
    return {
      evidence: { blob, size: text.length, manifestHash: manifestHash(manifest), sealedAt: manifest.times.processed },
    };
  });
  await Promise.all(made);
  return place;
}

const signer = lazy(() => newSigner());

/** A video that was given up. */
async function newFailedVideo(side: Side): Promise<VideoPlace> {
  const video = await newReadyVideo(side);
  await amend(side.id, video.videoId, { "/state": "processing_failed" });
  return video;
}

/** An open invitation's token, as its mail would have it. */
async function newInvitation(side: Side): Promise<string> {
  const [id, secret] = [`inv_${ulid()}`, newSecret()];
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const fields = { email: newEmail(), role: "auditor", status: "open", secretHash: secretHash(secret), expiresAt };
  await write(side.id, [item(side.id, "invitation", id, fields)]);
  return tokenText({ tenantId: side.id, id, secret });
}

async function newWebhook({ people }: Side): Promise<string> {
  const { body } = await expectApi<{ id: string }>("POST /v1/webhooks", 201, {
    token: people.owner.token,
    body: { url: "https://hooks.example.com/callpilot", events: ["export.ready"] },
  });
  return body.id;
}

/** Work in progress that the caller has started. */
async function newOperation(side: Side, caller: CallerName): Promise<string> {
  const id = `op_${ulid()}`;
  const partition = caller === "operator" ? platformTenantId : side.id;
  const startedBy = isMember(side, caller) ? side.people[caller].id : "opr_0";
  await write(partition, [
    item(partition, "operation", id, { action: "createTenant", status: "running", progress: 0.5, startedBy }),
  ]);
  return id;
}

function isMember(side: Side, caller: CallerName): caller is keyof Side["people"] {
  return Object.hasOwn(side.people, caller);
}

const cases: Readonly<Record<string, OperationCase>> = {
  getHealth: plain,
  getReadiness: plain,
  getOpenApi: plain,
  getGuestPage: plain,

  getTenant: plain,
  listMembers: plain,
  addMember: {
    request: (side, caller) => mine(side, caller, { body: { email: newEmail(), role: "auditor" } }),
    other: withBody({ role: "surveyor" }),
  },
  acceptInvitation: {
    request: async (side, caller) => mine(side, caller, { body: { token: await newInvitation(side) } }),
    names: { "body/token": newInvitation },
  },

  listAccessGrants: plain,
  getAccessGrant: {
    request: async (side, caller) => mine(side, caller, { params: { accessGrantId: await accessRequest(side) } }),
  },
  grantAccess: {
    request: async (side, caller) => mine(side, caller, { body: { requestId: await accessRequest(side) } }),
    other: async (request, side) => ({ ...request, body: { requestId: await accessRequest(side) } }),
    names: { "body/requestId": (side) => side.accessRequestId },
  },
  revokeAccessGrant: {
    request: async (side, caller) => {
      const accessGrantId = await accessRequest(side);
      const { token } = side.people.owner;
      const { headers } = await expectApi(`GET /v1/access-grants/${accessGrantId}`, 200, { token });
      return mine(side, caller, { params: { accessGrantId }, headers: { "if-match": headers.get("etag") ?? "" } });
    },
  },

  listKeys: plain,
  createKey: {
    request: (side, caller) =>
      mine(side, caller, {
        body: {
          name: "Planning system",
          scopes: ["keys:manage"],
          expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
        },
      }),
    other: withBody({ name: "Another system" }),
  },
  revokeKey: {
    request: async (side, caller) => {
      const { id } = await newKey(side.people.owner.token, ["events:read"]);
      return mine(side, caller, { params: { keyId: id } });
    },
  },

  listTemplates: plain,
  getTemplate: { request: (side, caller) => mine(side, caller, { params: { templateId: side.templateId } }) },
  putTemplate: {
    request: async (side, caller) => {
      const { templateId, etag } = await newDraft(side.people.owner.token, side.questionId);
      const body = draftOf(side.questionId);
      return mine(side, caller, { params: { templateId }, headers: { "if-match": etag }, body });
    },
  },
  publishTemplate: {
    request: async (side, caller) => {
      const { templateId } = await newDraft(side.people.owner.token, side.questionId);
      return mine(side, caller, { params: { templateId } });
    },
    other: async (request, side) => {
      const { templateId } = await newDraft(side.people.owner.token, side.questionId);
      return { ...request, params: { templateId } };
    },
  },

  createSurvey: {
    request: (side, caller) =>
      mine(side, caller, {
        body: {
          templateVersionId: side.templateVersionId,
          guest: { name: "Gerda Guest" },
          externalRef: ulid(),
          assigneeId: side.people.surveyor.id,
        },
      }),
    other: withBody({ guest: { name: "Gustav Guest" } }),
    names: {
      "body/templateVersionId": (side) => side.templateVersionId,
      "body/assigneeId": (side) => side.people.surveyor.id,
    },
  },
  listSurveys: { ...plain, names: { "query/assigneeId": (side) => side.people.surveyor.id } },
  getSurvey: {
    request: async (side, caller) => onSurvey(side, caller, await newDraftSurvey(side)),
  },
  createLink: {
    request: async (side, caller) => {
      const surveyId = await newDraftSurvey(side, { guest: { name: "Gerda", email: "gerda@guest.localhost" } });
      return mine(side, caller, { params: { surveyId }, body: { channel: "none" } });
    },
    other: withBody({ channel: "email" }),
  },
  transitionSurvey: {
    request: async (side, caller) => {
      const { surveyId, guest } = await newOpenSurvey(side);
      await expectApi(`PUT /v1/guest/answers/${side.questionId}`, 200, { token: guest, body: { value: "Gerda" } });
      await expectApi("POST /v1/guest/submit", 200, { token: guest });
      const body = { to: "changes_requested", reason: "Again, please", questionIds: [side.questionId] };
      return mine(side, caller, { params: { surveyId }, body });
    },
    other: withBody({ reason: "Once more, please" }),
    names: { "body/questionIds/0": (side) => side.questionId },
  },

  getVideo: {
    request: async (side, caller) => onVideo(side, caller, await newReadyVideo(side)),
  },
  createPlayback: {
    request: async (side, caller) => onVideo(side, caller, await newReadyVideo(side)),
  },
  getEvidence: {
    request: async (side, caller) => onVideo(side, caller, await newSealedVideo(side)),
  },
  retryVideo: {
    request: async (side, caller) => onVideo(side, caller, await newFailedVideo(side)),
    other: async (request, side) => {
      const { surveyId, videoId } = await newFailedVideo(side);
      return { ...request, params: { surveyId, videoId } };
    },
  },

  listWebhooks: plain,
  createWebhook: {
    request: (side, caller) =>
      mine(side, caller, { body: { url: "https://hooks.example.com/callpilot", events: ["export.ready"] } }),
    other: withBody({ events: ["tenant.suspended"] }),
  },
  rotateWebhook: {
    request: async (side, caller) => mine(side, caller, { params: { webhookId: await newWebhook(side) } }),
    other: async (request, side) => ({ ...request, params: { webhookId: await newWebhook(side) } }),
  },
  listEvents: plain,
  listSeals: plain,
  listAudit: {
    ...plain,
    recalls: true,
    names: {
      "query/actor": (side) => side.people.owner.id,
      "query/target": (side) => side.templateId,
    },
  },
  downloadAudit: {
    recalls: true,
    request: (side, caller) => mine(side, caller, { query: { month: new Date().toISOString().slice(0, 7) } }),
  },

  createTenant: {
    request: (side, caller) =>
      mine(side, caller, { body: { name: `${side.name} ${ulid()}`, ownerEmail: newEmail(), plan: "trial" } }),
    other: withBody({ plan: "standard" }),
  },
  createAccessRequest: {
    request: async (side, caller) =>
      mine(side, caller, {
        body: {
          subjectTenantId: side.id,
          surveyId: await newDraftSurvey(side),
          reason: "The video does not play",
          until: new Date(Date.now() + 3_600_000).toISOString(),
        },
      }),
    other: withBody({ reason: "The sound is missing" }),
    // Operators know every tenant, and nobody looks whether it has such a survey.
    words: ["body/subjectTenantId", "body/surveyId"],
  },
  openAccessSession: {
    request: async (side, caller) => {
      const accessRequestId = await newGrantedAccess(side, await newDraftSurvey(side));
      return mine(side, caller, { params: { accessRequestId } });
    },
  },
  getOperation: {
    request: async (side, caller) => mine(side, caller, { params: { operationId: await newOperation(side, caller) } }),
  },

  openGuestSession: {
    request: async (side, caller) => mine(side, caller, { body: { token: (await newOpenSurvey(side)).linkToken } }),
    names: { "body/token": async (side) => (await newOpenSurvey(side)).linkToken },
  },
  getGuestSurvey: { request: onOpenSurvey(() => ({})) },
  giveConsent: { request: onOpenSurvey(() => ({ body: { version: 1, accepted: false, locale: "en" } })) },
  answerQuestion: {
    request: onOpenSurvey((_, { questionId }) => ({ params: { questionId }, body: { value: "Gerda" } })),
    words: ["body/value/0"],
  },
  startUpload: {
    request: onOpenSurvey(() => ({
      body: {
        ...{ questionId: "room", size: 1, contentType: "video/mp4", blockSize: 65_536 },
        device: { userAgent: "Mozilla/5.0", kind: "phone", system: "ios", systemVersion: "26.1", client: "app" },
      },
    })),
    other: withBody({ size: 2 }),
    names: { "body/questionId": (side) => side.questionId },
  },
  getUpload: { request: onOpenSurvey(async (survey) => ({ params: { videoId: (await newUpload(survey)).id } })) },
  completeUpload: {
    request: onOpenSurvey(async (survey) => {
      const { id, url } = await newUpload(survey);
      await sendByte(url);
      return { params: { videoId: id }, body: { size: 1, journal: { retries: 1, gaps: 0 } } };
    }),
  },
  cancelUpload: { request: onOpenSurvey(async (survey) => ({ params: { videoId: (await newUpload(survey)).id } })) },
  submitSurvey: {
    request: onOpenSurvey(async ({ guest }, { questionId }) => {
      await expectApi(`PUT /v1/guest/answers/${questionId}`, 200, { token: guest, body: { value: "Gerda" } });
      return {};
    }),
  },
};

/** Names of the operations that have a case. */
export const caseNames: readonly string[] = Object.keys(cases);

export function caseOf({ name }: Pick<Operation, "name">): OperationCase {
  const found = cases[name];
  if (found === undefined) throw new Error(`${name} has no case in tests/contracts/cases.ts`);
  return found;
}

/** Whether the permission is for operators alone, whose own things are the platform's. */
export function isPlatforms(permission: Permission): boolean {
  return permission === "tenants:manage" || permission === "access:request";
}

/** Whoever is the first that may use the operation. */
export function callerFor({ contract: { permission } }: Operation): CallerName {
  if (permission === "public") return "anonymous";
  if (permission === "invitation:accept") return "person";
  if (isPlatforms(permission)) return "operator";
  return permission.startsWith("guest:") ? "guest" : "owner";
}

/** What the permissions say of the caller. A stranger has a valid credential and no role. */
export function allowed({ permission }: Contract, caller: CallerName): boolean {
  if (permission === "public") return true;
  if (caller === "anonymous") return false;
  if (allows(permission, "person")) return !["guest", "service", "support"].includes(caller);
  return caller !== "stranger" && allows(permission, caller, scopes);
}

/** A request that succeeds once, on a tenant's own things. */
export function requestOn(side: Side, operation: Operation, caller = callerFor(operation)): Promise<Request> {
  return caseOf(operation).request(side, caller);
}

/** Every operation that fits, for `test.each`: failures name it. */
export function every(fits: (operation: Operation) => boolean = () => true): [name: string, operation: Operation][] {
  return operations.filter(fits).map((operation) => [operation.name, operation]);
}
