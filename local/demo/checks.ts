import type { VideoView } from "../../shared/videos/videoView.ts";
import { LocalError } from "../service.ts";
import type { Break } from "./options.ts";
import { type Download, type Probe, cut, download, probe } from "./playable.ts";
import type { Received, Receiver } from "./receiver.ts";
import type { Recording } from "./recording.ts";
import type { Claim } from "./screen.ts";
import { type Tenant, loggedEvents, play, wantedEvents } from "./tenant.ts";

/** The kept original is the guest's file, byte by byte. */
export function checkOriginal({ original }: VideoView, file: Recording): Claim {
  const holds = original?.sha256 === file.sha256 && original.size === file.size;
  const result = holds ? "sha256 of the guest's file" : `another sha256: ${original?.sha256 ?? "none"}`;
  return { step: "Original kept", holds, bytes: original?.size, result };
}

export interface Played {
  readonly claims: readonly Claim[];
  /** Opens the playable video for some minutes. */
  readonly url: string;
  /** Of the playable video, hex. */
  readonly sha256: string;
}

/** The granted URL opens a whole video that every browser plays, and nothing in it tells of place or device. */
export async function checkPlayback(
  tenant: Tenant,
  { id, surveyId, media }: VideoView,
  ffprobe: string,
  breaks: Break | undefined,
): Promise<Played> {
  const started = performance.now();
  const { video } = await play(tenant, surveyId, id);
  await using file = await download(video.url);
  const downloaded = performance.now();
  const complete = file.size === media?.size;
  const fetched: Claim = {
    ...{ step: "Playback grant", holds: complete, ms: downloaded - started, bytes: file.size },
    result: complete ? "downloaded, of the promised size" : `${media?.size ?? 0} bytes were promised`,
  };
  const checked = await checkPlayable(video, ffprobe, breaks === "playback" ? file : undefined);
  return { claims: [fetched, { ...checked, ms: performance.now() - downloaded }], url: video.url, sha256: file.sha256 };
}

async function checkPlayable(
  video: { readonly url: string; readonly durationMs: number; readonly width: number; readonly height: number },
  ffprobe: string,
  toCut: Download | undefined,
): Promise<Claim> {
  const step = "Playable URL";
  try {
    if (toCut !== undefined) await cut(toCut);
    const found = await probe(ffprobe, toCut?.path ?? video.url);
    const faults = faultsOf(found, video);
    const facts = `${found.codecs.join(" + ")}, ${found.seconds.toFixed(1)} s, ${found.frames} frames`;
    return { step, holds: faults.length === 0, result: faults.length === 0 ? `ffprobe: ${facts}` : faults.join("; ") };
  } catch (error) {
    if (!(error instanceof LocalError)) throw error;
    return { step, holds: false, result: error.message };
  }
}

function faultsOf(
  found: Probe,
  promised: { readonly durationMs: number; readonly width: number; readonly height: number },
): string[] {
  const { seconds, codecs, width, height, frames, framesPromised, revealing } = found;
  return [
    ...(codecs.includes("h264") && codecs.every((codec) => ["h264", "aac"].includes(codec))
      ? []
      : [`codecs ${codecs.join(", ")}`]),
    ...(frames > 0 && frames === framesPromised ? [] : [`${frames} of ${framesPromised} frames are there`]),
    ...(Math.abs(seconds * 1000 - promised.durationMs) < 500
      ? []
      : [`${seconds} s instead of ${promised.durationMs} ms`]),
    ...(width === promised.width && height === promised.height ? [] : [`${width} x ${height} pixels`]),
    ...revealing.map((name) => `the tag ${name} is still there`),
  ];
}

/** The tenant's server heard of each event once, provably from Callpilot, and the log has the same ones in order. */
export async function checkEvents(
  tenant: Tenant,
  surveyId: string,
  after: number,
  { received }: Receiver,
): Promise<{ readonly claims: readonly Claim[]; readonly readUntil: number }> {
  const { events: logged, readUntil } = await loggedEvents(tenant, surveyId, after);
  const heard = received.filter(({ data }) => data["surveyId"] === surveyId);
  const verified = heard.filter(({ fault }) => fault === undefined).sort((a, b) => a.sequence - b.sequence);
  const ids = logged.map(({ id }) => id);
  const same = ids.join() === verified.map(({ id }) => id).join();
  const log: Claim = {
    step: "Event log",
    holds: same,
    result: same ? "the same events, in order" : `${ids.length} events, ${verified.length} verified webhooks`,
  };
  return { claims: [...wantedEvents.map((type) => webhookClaim(type, heard)), log], readUntil };
}

function webhookClaim(type: (typeof wantedEvents)[number], heard: readonly Received[]): Claim {
  const events = heard.filter((event) => event.type === type);
  const [event] = events;
  if (event === undefined) return { step: `Webhook ${type}`, holds: false, result: "not received" };
  const { id, ms, bytes, fault } = event;
  const once = new Set(events.map((each) => each.id)).size === 1;
  const result = fault ?? (once ? `${id}, signature verified` : `${events.length} different ones`);
  return { step: `Webhook ${type}`, holds: fault === undefined && once, ms, bytes, result };
}
