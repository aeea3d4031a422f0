import type { MediaLimits } from "../media/limits.ts";
import type { ToolFacts } from "../media/toolFacts.ts";
import type { Block } from "../storage/stagedBlocks.ts";
import { derivedId } from "../tenancy/ids.ts";
import { defineKind } from "../tenancy/kind.ts";

/** What processing does with a recording, in this order. */
export type Step = "taken_over" | "hashed" | "prepared" | "stored";

/** How a recording was processed, as far as nothing else keeps it. ETags are with their quotes. */
export interface Handling {
  /** The upload as it was when it was taken over; its blocks one by one, unless they are more than `maxBlocks`. */
  readonly received: {
    readonly size: number;
    readonly etag: string;
    readonly blockCount: number;
    readonly blocks?: readonly Block[];
  };
  /** Versions of the blobs that are kept. */
  readonly etags: Readonly<Record<"original" | "video" | "poster" | "sprite", string>>;
  readonly steps: readonly { readonly what: Step; readonly at: string }[];
  readonly tools: ToolFacts;
  readonly limits: MediaLimits;
}

/** Says that a ready video has no signed manifest yet, and keeps what that will be made of. */
export interface EvidenceDraft extends Handling {
  readonly videoId: string;
}

export const draftKind = defineKind<EvidenceDraft>("evidenceDraft", {
  schemaVersion: 1,
  fields: {
    received: {
      size: "size",
      etag: "fingerprint",
      blockCount: "technical",
      blocks: { id: "id", size: "size" },
    },
    etags: { original: "fingerprint", video: "fingerprint", poster: "fingerprint", sprite: "fingerprint" },
    steps: { what: ["taken_over", "hashed", "prepared", "stored"], at: "time" },
    tools: {
      ffmpeg: { version: "technical", sha256: "technical" },
      ffprobe: { version: "technical", sha256: "technical" },
    },
    limits: { maxBytes: "technical", minDurationMs: "technical", maxDurationMs: "technical", maxPixels: "technical" },
    videoId: "id",
  },
  lists: [{ where: [], orderBy: "updatedAt", direction: "ascending" }],
});

export function draftId(videoId: string): string {
  return derivedId("evd", videoId);
}
