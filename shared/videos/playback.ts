import { Type } from "@sinclair/typebox";
import { List, type Static, Time, Whole, closed } from "../schema.ts";
import { type BlobContainer } from "../storage/accounts.ts";
import { type Grant, readGrant } from "../storage/grants.ts";
import { Problem } from "../web/problem.ts";
import type { OutputBlob, Video } from "./video.ts";

const Url = Type.String({ maxLength: 2048, description: "Opens this one file to whoever has it, until it expires" });
const Pixels = Whole(0, 65_536);
const Milliseconds = Whole(0, 2 ** 31);

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
  expiresAt: Time,
});
export type Playback = Static<typeof Playback>;

/** Read grants for the files of a ready video. Throws `not_ready` for any other. */
export async function playback(container: BlobContainer, { state, outputs }: Video): Promise<Playback> {
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
    expiresAt: ends[0] ?? video.expiresAt,
  };
}

async function granted(container: BlobContainer, { blob }: OutputBlob, contentType: string): Promise<Grant> {
  return await readGrant(container, blob, { minutes: 15, contentType, contentDisposition: "inline" });
}
