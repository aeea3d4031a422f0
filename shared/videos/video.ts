import type { Analysis } from "../media/analyse.ts";
import type { Method } from "../media/encode.ts";
import { type RejectionCode, rejectionCodes } from "../media/rejection.ts";
import type { Cue } from "../media/stills.ts";
import { defineKind } from "../tenancy/kind.ts";
import { type Flight, codecs, deviceClients, deviceKinds, deviceSystems } from "./flight.ts";
import { type Remark, gateNames } from "./remarks.ts";

export const videoStates = [
  "awaiting_upload",
  "uploading",
  "uploaded",
  "processing",
  "ready",
  "rejected",
  "quarantined",
  "processing_failed",
  "upload_expired",
  "upload_cancelled",
  "deleting",
  "deleted",
  "delete_failed",
] as const;
export type VideoState = (typeof videoStates)[number];

/**
 * The video's state machine: from each state, the states that may follow. `uploading` is never stored: blocks that have
 * arrived make it of `awaiting_upload`, and only storage knows of them.
 */
const videoTransitions: Readonly<Record<VideoState, readonly VideoState[]>> = {
  awaiting_upload: ["uploaded", "upload_expired", "upload_cancelled"],
  uploading: ["uploaded", "upload_expired", "upload_cancelled"],
  uploaded: ["processing", "processing_failed", "upload_cancelled"],
  processing: ["processing", "ready", "rejected", "quarantined", "processing_failed"],
  ready: ["quarantined", "deleting"],
  rejected: ["deleting"],
  quarantined: ["deleting"],
  processing_failed: ["processing", "deleting"],
  upload_expired: ["deleting"],
  upload_cancelled: ["deleting"],
  deleting: ["deleted", "delete_failed"],
  deleted: [],
  delete_failed: ["deleting"],
};

/** The states from which this one may be reached: the condition of a change to it. */
export function statesBefore(to: VideoState): readonly VideoState[] {
  return videoStates.filter((from) => videoTransitions[from].includes(to));
}

/** The upload session of a video. */
export interface Upload {
  /** Declared size in bytes. */
  readonly size: number;
  readonly contentType: string;
  /** SHA-256 that the device declared, hex. */
  readonly sha256?: string;
  /** Bytes of every block but the last. */
  readonly blockSize: number;
  /** End of the session; grants are renewed until then. */
  readonly expiresAt: string;
}

/** A file that processing made. Blob names are inside the tenant's container. */
export interface OutputBlob {
  readonly blob: string;
  readonly size: number;
  readonly sha256: string;
}

/** What a ready video is played from. */
export interface Outputs {
  readonly video: OutputBlob;
  readonly poster: OutputBlob;
  readonly sprite: OutputBlob & { readonly cues: readonly Cue[] };
  readonly method: Method;
  readonly durationMs: number;
  readonly width: number;
  readonly height: number;
}

/** What the malware gate says of the original; about that version of it and no other. */
export interface Scan {
  readonly gate: "clamd" | "defender";
  /** Version of the copy that nobody but this app can change. */
  readonly etag: string;
  readonly verdict: "waiting" | "clean" | "malicious";
  /** When the verdict was given, or since when it is waited for. */
  readonly at: string;
}

/** A video in parts for players that take HLS: one file, and the playlist of its ranges. */
export interface Stream {
  readonly media: OutputBlob;
  readonly playlist: OutputBlob;
}

/** What follows `ready`: `waiting` until it has ended, whoever is at work on it. */
export const analysisStates = ["waiting", "done", "failed"] as const;

/** A guest's recording for one question of a survey. */
export interface Video {
  readonly surveyId: string;
  readonly questionId: string;
  readonly state: VideoState;
  readonly upload: Upload;
  /** What the device told of the upload, and what we saw of it. */
  readonly flight?: Flight;
  /** Bytes that count for the tenant's quota: what was declared, then what is stored, then nothing. */
  readonly countedBytes: number;
  readonly uploadedAt?: string;
  /** Version of the upload that was completed: what its grant makes of it afterwards is not what was handed in. */
  readonly uploadEtag?: string;
  /** The untouched original, once it is copied out of reach of the upload grant. */
  readonly original?: OutputBlob;
  /** Absent where there is no gate, and before it is reached. */
  readonly scan?: Scan | undefined;
  readonly outputs?: Outputs;
  /** Where the signed manifest is, once there is one, and the SHA-256 by which the log names it. */
  readonly evidence?: {
    readonly blob: string;
    readonly size: number;
    readonly manifestHash: string;
    readonly sealedAt: string;
  };
  readonly rejection?: { readonly code: RejectionCode; readonly remedy: string };
  /** How often processing began; after the limit the video is `processing_failed`. */
  readonly attempts: number;
  /** Of a video that became ready since there is an analysis. */
  readonly analysisState?: (typeof analysisStates)[number];
  /** How often the analysis began; after the limit it is `failed`, and the video stays ready. */
  readonly analysisAttempts?: number;
  /** Leaves a deleted video. */
  readonly analysis?: Analysis | undefined;
  /** The same video for HLS, where its question wants that. */
  readonly stream?: Stream;
  /** What the question's gates found wanting in it. */
  readonly remarks?: readonly Remark[];
  readonly legalHold: boolean;
}

const outputFields = { blob: "id", size: "size", sha256: "fingerprint" } as const;
const stretches = { totalMs: "fingerprint", longest: { startMs: "fingerprint", endMs: "fingerprint" } } as const;

export const videoKind = defineKind<Video>("video", {
  schemaVersion: 1,
  fields: {
    surveyId: "id",
    questionId: "handle",
    state: videoStates,
    upload: {
      size: "size",
      contentType: "freeText",
      sha256: "fingerprint",
      blockSize: "size",
      expiresAt: "time",
    },
    flight: {
      device: {
        kind: deviceKinds,
        system: deviceSystems,
        systemVersion: "technical",
        client: deviceClients,
        clientVersion: "technical",
      },
      codecs,
      renewals: { at: "time", receivedBytes: "size" },
      journal: {
        retries: "size",
        resumes: "size",
        gaps: "size",
        gapMs: "size",
        sendingMs: "size",
        waitedMs: "size",
      },
      blocks: "size",
    },
    countedBytes: "size",
    uploadedAt: "time",
    uploadEtag: "fingerprint",
    original: outputFields,
    scan: { gate: ["clamd", "defender"], etag: "fingerprint", verdict: ["waiting", "clean", "malicious"], at: "time" },
    outputs: {
      video: outputFields,
      poster: outputFields,
      sprite: {
        ...outputFields,
        cues: {
          startMs: "duration",
          endMs: "duration",
          x: "technical",
          y: "technical",
          width: "technical",
          height: "technical",
        },
      },
      method: ["remux", "transcode"],
      durationMs: "duration",
      width: "technical",
      height: "technical",
    },
    evidence: { blob: "id", size: "size", manifestHash: "fingerprint", sealedAt: "time" },
    rejection: { code: rejectionCodes, remedy: "freeText" },
    attempts: "technical",
    analysisState: analysisStates,
    analysisAttempts: "technical",
    analysis: {
      loudness: { integratedLufs: "fingerprint", rangeLu: "fingerprint", truePeakDbfs: "fingerprint" },
      waveform: "fingerprint",
      silent: stretches,
      black: stretches,
      frozen: stretches,
    },
    stream: { media: outputFields, playlist: outputFields },
    remarks: { gate: gateNames, asks: ["hint", "retake"] },
    legalHold: "technical",
  },
  lists: [
    { where: ["state"], orderBy: "updatedAt", direction: "ascending" },
    { where: ["state"], orderBy: "createdAt", direction: "ascending" },
    { where: ["state", "analysisState"], orderBy: "updatedAt", direction: "ascending" },
  ],
});

/** Names of a video's blobs inside its tenant's container: ours, never a user's, and the same each time. */
export function blobNames(surveyId: string, videoId: string) {
  return {
    incoming: `incoming/${surveyId}/${videoId}`,
    original: `originals/${surveyId}/${videoId}`,
    video: `videos/${surveyId}/${videoId}/video.mp4`,
    poster: `videos/${surveyId}/${videoId}/poster.jpg`,
    sprite: `videos/${surveyId}/${videoId}/storyboard.jpg`,
    evidence: `evidence/${surveyId}/${videoId}.json`,
    stream: `videos/${surveyId}/${videoId}/stream.mp4`,
    playlist: `videos/${surveyId}/${videoId}/stream.m3u8`,
  } as const;
}

/** Name of the manifest in the container `ingest` whose arrival starts processing. */
export function manifestName(tenantId: string, surveyId: string, videoId: string): string {
  return `${tenantId}/${surveyId}/${videoId}.json`;
}
