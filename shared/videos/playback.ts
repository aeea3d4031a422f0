import { Type } from "@sinclair/typebox";
import { List, type Static, Time, Whole, closed, optional } from "../schema.ts";
import { withAddress } from "../media/stream.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { getText } from "../storage/blobs.ts";
import { type Grant, readGrant } from "../storage/grants.ts";
import { Problem } from "../web/problem.ts";
import { Milliseconds, TimelineView, timelineView } from "./analysisView.ts";
import type { OutputBlob, Stream, Video } from "./video.ts";

const Url = Type.String({ maxLength: 2048, description: "Opens this one file to whoever has it, until it expires" });
const Pixels = Whole(0, 65_536);

/** What a player needs, for at most 15 minutes; while it plays it asks again. */
export const Playback = closed({
  video: closed({ url: Url, durationMs: Milliseconds, width: Pixels, height: Pixels }),
  poster: closed({ url: Url }),
  storyboard: closed({
    url: Url,
    cues: List(
      closed({ startMs: Milliseconds, endMs: Milliseconds, x: Pixels, y: Pixels, width: Pixels, height: Pixels }),
      100,
    ),
  }),
  timeline: optional(TimelineView),
  hls: optional(
    closed({
      playlist: Type.String({
        maxLength: 1_000_000,
        description: "A playlist (RFC 8216) in which every part has a grant; to be played from a Blob or data URL",
      }),
    }),
  ),
  expiresAt: Time,
});
export type Playback = Static<typeof Playback>;

/** Read grants for the files of a ready video. Throws `not_ready` for any other. */
export async function playback(
  container: BlobContainer,
  { state, outputs, analysis, stream }: Video,
): Promise<Playback> {
  if (state !== "ready" || outputs === undefined) throw new Problem("not_ready", { more: { state } });
  const { durationMs, width, height } = outputs;
  const [video, poster, sprite] = await Promise.all([
    granted(container, outputs.video, "video/mp4"),
    granted(container, outputs.poster, "image/jpeg"),
    granted(container, outputs.sprite, "image/jpeg"),
  ]);
  const ends = [video, poster, sprite].map(({ expiresAt }) => expiresAt).sort();
  return {
    video: { url: video.url, durationMs, width, height },
    poster: { url: poster.url },
    storyboard: { url: sprite.url, cues: outputs.sprite.cues.map((cue) => ({ ...cue })) },
    ...(analysis !== undefined && { timeline: timelineView(analysis) }),
    ...(stream !== undefined && { hls: { playlist: await playlistOf(container, stream) } }),
    expiresAt: ends[0] ?? video.expiresAt,
  };
}

/** As text: a player that fetched it would ask for its parts without their grants. */
async function playlistOf(container: BlobContainer, { media, playlist }: Stream): Promise<string> {
  const stored = await getText(container, playlist.blob);
  if (stored === undefined) throw new Error("the playlist of a stream is missing");
  return withAddress(stored.text, (await granted(container, media, "video/mp4")).url);
}

async function granted(container: BlobContainer, { blob }: OutputBlob, contentType: string): Promise<Grant> {
  return await readGrant(container, blob, { minutes: 15, contentType, contentDisposition: "inline" });
}
