import { Type } from "@sinclair/typebox";
import { type RejectionCode, remedies } from "../media/rejection.ts";
import { Choice, Line, List, Sha256, type Static, Text, Time, Whole, closed, optional } from "../schema.ts";
import { QuestionId } from "../templates/template.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { AnalysisView, analysisView } from "./analysisView.ts";
import { gateNames, hintOf, requestOf } from "./remarks.ts";
import { type Video, videoStates } from "./video.ts";

export const Bytes = Whole(0, Number.MAX_SAFE_INTEGER, "Bytes");
export const Progress = Type.Number({ minimum: 0, maximum: 1, description: "Share of the processing that is done" });

export const RejectionView = closed(
  {
    code: Choice(Object.keys(remedies) as RejectionCode[]),
    remedy: Text(500, "What the guest can do about it"),
  },
  "Why a video was refused",
);

const Hints = List(
  closed({ gate: Choice(gateNames), text: Line(200) }, "What its question's gates found wanting; for members"),
  gateNames.length,
);

export const Retake = closed({ reason: Text(2_000) }, "The guest is asked to record it again");

/** What the guest is asked for; undefined where that is nothing, or the video is no answer any more. */
export function retakeOf({ state, remarks }: Pick<Video, "state" | "remarks">): Static<typeof Retake> | undefined {
  const reason = state === "ready" ? requestOf(remarks) : undefined;
  return reason === undefined ? undefined : { reason };
}

function hintsOf({ outputs, analysis, remarks = [] }: Video): Static<typeof Hints> {
  if (outputs === undefined || analysis === undefined) return [];
  const recorded = { durationMs: outputs.durationMs, analysis };
  return remarks.map(({ gate }) => ({ gate, text: hintOf(gate, recorded) }));
}

/** A video as everybody who may see it is told of it. */
export const VideoView = closed({
  id: Id(prefixes.video),
  surveyId: Id(prefixes.survey),
  questionId: QuestionId,
  state: Choice(videoStates),
  progress: optional(Progress),
  size: Bytes,
  contentType: Type.String({ maxLength: 100, description: "As the device declared it" }),
  createdAt: Time,
  updatedAt: Time,
  uploadedAt: optional(Time),
  original: optional(closed({ size: Bytes, sha256: Sha256 }, "The file as it came from the device")),
  media: optional(
    closed(
      {
        durationMs: Whole(0, 2 ** 31),
        width: Whole(1, 65_536),
        height: Whole(1, 65_536),
        size: Bytes,
        method: Choice(["remux", "transcode"]),
      },
      "The video as it is played",
    ),
  ),
  evidence: optional(closed({ sealedAt: Time, manifestHash: Sha256 }, "Of its signed evidence, once there is some")),
  scan: optional(
    closed(
      { verdict: Choice(["waiting", "clean", "malicious"]), at: Time },
      "What the scan for malware found; since when it is waited for, as long as it is",
    ),
  ),
  analysis: optional(AnalysisView),
  hints: optional(Hints),
  retake: optional(Retake),
  rejection: optional(RejectionView),
});
export type VideoView = Static<typeof VideoView>;

/** `progress`, 0..1, is known to those who read the lease of a video that is being processed. */
export function videoView(video: Entity<Video>, progress?: number): VideoView {
  const { id, surveyId, questionId, state, upload, createdAt, updatedAt, uploadedAt, original, outputs } = video;
  const analysis = analysisView(video);
  const hints = hintsOf(video);
  const retake = retakeOf(video);
  return {
    id,
    surveyId,
    questionId,
    state,
    ...(state === "processing" && { progress: progress ?? 0 }),
    size: upload.size,
    contentType: upload.contentType,
    createdAt,
    updatedAt,
    ...(uploadedAt !== undefined && { uploadedAt }),
    ...(original !== undefined && { original: { size: original.size, sha256: original.sha256 } }),
    ...(outputs !== undefined && {
      media: {
        durationMs: outputs.durationMs,
        width: outputs.width,
        height: outputs.height,
        size: outputs.video.size,
        method: outputs.method,
      },
    }),
    ...(video.evidence !== undefined &&
      state === "ready" && {
        evidence: { sealedAt: video.evidence.sealedAt, manifestHash: video.evidence.manifestHash },
      }),
    ...(video.scan !== undefined && { scan: { verdict: video.scan.verdict, at: video.scan.at } }),
    ...(analysis !== undefined && { analysis }),
    ...(hints.length > 0 && { hints }),
    ...(retake !== undefined && { retake }),
    ...(video.rejection !== undefined && { rejection: video.rejection }),
  };
}

/** The same as its guest is told of it: hints are for those who decide. */
export function guestVideoView(video: Entity<Video>): VideoView {
  const { hints: _, ...view } = videoView(video);
  return view;
}
