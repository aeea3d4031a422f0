import { now } from "../clock.ts";
import { Line, Sha256, type Static, Whole, closed, optional } from "../schema.ts";
import { demandWritable, guestSurvey, pinnedVersion, whileWritable } from "../surveys/guestAccess.ts";
import { type Survey, surveyKind } from "../surveys/survey.ts";
import { QuestionId } from "../templates/template.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters } from "../tenants/tenant.ts";
import { Problem, isProblem } from "../web/problem.ts";
import { blockBounds, blockSizeFor } from "./blocks.ts";
import { DeviceTold, departure } from "./flight.ts";
import { maxScannedBytes } from "./malwareGate.ts";
import type { Recorder } from "./recorder.ts";
import type { UploadOf } from "./uploadView.ts";
import { type Upload, videoKind } from "./video.ts";
import { videosOf } from "./videoOf.ts";

export const UploadRequest = closed({
  questionId: QuestionId,
  size: Whole(1, Number.MAX_SAFE_INTEGER, "Bytes of the whole file"),
  contentType: Line(
    200,
    "video/mp4, video/x-m4v, video/3gpp, video/quicktime, video/webm or video/x-matroska; codecs is for the flight recorder",
  ),
  sha256: optional(Sha256),
  blockSize: optional(
    Whole(
      blockBounds.smallest,
      blockBounds.largest,
      "Bytes of a block: a lost connection costs one, so less on a bad line",
    ),
  ),
  device: optional(DeviceTold),
});
export type UploadRequest = Static<typeof UploadRequest>;

const contentTypes = ["video/mp4", "video/x-m4v", "video/3gpp", "video/quicktime", "video/webm", "video/x-matroska"];
const sessionMs = 6 * 24 * 3_600_000;
const maxVideosOfSurvey = 99;
/** Uploads of a survey that have begun and not arrived: each holds its bytes of the tenant's quota until it expires. */
const maxAwaited = 5;

/**
 * Reserves a video on the guest's survey and its bytes from the tenant's quota. Throws `not_found` and
 * `invalid_answer` (no such question, none for a video), `too_large`, `unsupported_type`, `quota_exceeded` and what
 * `demandWritable` throws.
 */
export async function startUpload(tenant: TenantScope, guest: Recorder, request: UploadRequest): Promise<UploadOf> {
  for (let attempt = 1; ; attempt++) {
    const survey = await guestSurvey(tenant, guest);
    demandWritable(survey, { consent: true });
    await demandQuestion(tenant, survey, request);
    await demandRoom(tenant, survey);
    try {
      return await reserve(tenant, guest, survey, request);
    } catch (error) {
      // Another video of the same guest was started at the same time, which no more than these can be.
      if (!isProblem(error, "conflict") || attempt > maxAwaited) throw error;
    }
  }
}

/** One query, once the survey has as many videos as it may be waiting for. */
async function demandRoom(tenant: TenantScope, { id, videoCount }: Entity<Survey>): Promise<void> {
  if (videoCount >= maxVideosOfSurvey)
    throw new Problem("quota_exceeded", { detail: `A survey takes at most ${maxVideosOfSurvey} recordings` });
  if (videoCount < maxAwaited) return;
  const awaited = (await videosOf(tenant, id)).filter(({ state }) => state === "awaiting_upload");
  if (awaited.length >= maxAwaited)
    throw new Problem("quota_exceeded", {
      detail: `${maxAwaited} uploads have begun: finish or cancel one of them before you start another`,
    });
}

async function demandQuestion(tenant: TenantScope, survey: Survey, request: UploadRequest): Promise<void> {
  const { questions } = await pinnedVersion(tenant, survey);
  const question = questions.find(({ id }) => id === request.questionId);
  if (question === undefined) throw new Problem("not_found", { detail: "The survey has no such question" });
  if (question.type !== "video") throw new Problem("invalid_answer", { detail: "This question takes no video" });
  const maxBytes = Math.min(question.maxBytes ?? Infinity, maxScannedBytes());
  if (request.size > maxBytes) throw new Problem("too_large", { more: { maxBytes } });
  if (!contentTypes.includes(mediaType(request.contentType)))
    throw new Problem("unsupported_type", { more: { supported: contentTypes } });
}

async function reserve(
  tenant: TenantScope,
  guest: Recorder,
  survey: Entity<Survey>,
  { questionId, size, contentType, sha256, blockSize, device }: UploadRequest,
): Promise<UploadOf> {
  const id = newId(prefixes.video);
  const upload: Upload = {
    size,
    contentType: mediaType(contentType),
    ...(sha256 !== undefined && { sha256 }),
    blockSize: blockSizeFor(size, blockSize),
    expiresAt: new Date(now().getTime() + sessionMs).toISOString(),
  };
  const { condition, otherwise } = whileWritable;
  const reserved = { surveyId: survey.id, questionId, state: "awaiting_upload", upload } as const;
  await tenant
    .change()
    .patch(
      surveyKind,
      survey,
      { videoCount: survey.videoCount + 1 },
      { condition: { ...condition, videoCount: survey.videoCount }, otherwise },
    )
    .create(videoKind, id, {
      ...reserved,
      flight: departure(device, contentType),
      countedBytes: size,
      attempts: 0,
      legalHold: false,
    })
    .count(counters.videoBytes, size, { atMost: guest.tenant.quotas.videoBytes, beyond: "quota_exceeded" })
    .remember({ id })
    .commit({ target: id });
  return { id, ...reserved };
}

/** `video/webm;codecs="vp9,opus"` is `video/webm`. */
function mediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}
