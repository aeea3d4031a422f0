import { Line, List, type Static, Time, Whole, closed, optional } from "../schema.ts";
import type { Entity } from "../tenancy/kind.ts";
import { Codecs, Device, Journal, maxRenewals } from "./flight.ts";
import { flightSummary } from "./flightSummary.ts";
import type { Video } from "./video.ts";
import { Bytes, VideoView } from "./videoView.ts";

const longest = Number.MAX_SAFE_INTEGER;

/** What happened between the recording and its arrival. */
export const FlightView = closed({
  summary: List(Line(200), 10),
  device: optional(Device),
  codecs: optional(Codecs),
  startedAt: Time,
  arrivedAt: optional(Time),
  durationMs: optional(Whole(0, longest, "From the start of the upload to its arrival")),
  bytesPerSecond: optional(
    Whole(0, longest, "While it was being sent, if the device says how long, or else all the time"),
  ),
  blocks: optional(Whole(1, 50_000, "Of which the file was put together, unless it was sent at once")),
  renewals: List(closed({ at: Time, receivedBytes: Bytes }), maxRenewals),
  journal: optional(Journal),
});
export type FlightView = Static<typeof FlightView>;

/** A video as members are told of it when they ask for this one. */
export const VideoDetails = closed({ ...VideoView.properties, flight: FlightView });
export type VideoDetails = Static<typeof VideoDetails>;

/** The facts, and what they say in plain words. A video from before there was a recorder has the times only. */
export function flightView({ state, flight = {}, upload, createdAt, uploadedAt }: Entity<Video>): FlightView {
  const { device, codecs, renewals = [], journal, blocks } = flight;
  const facts = {
    ...(device !== undefined && { device }),
    ...(codecs !== undefined && { codecs: [...codecs] }),
    startedAt: createdAt,
    ...(uploadedAt !== undefined && arrival(upload.size, createdAt, uploadedAt, journal?.sendingMs)),
    ...(blocks !== undefined && { blocks }),
    renewals: renewals.map((renewal) => ({ ...renewal })),
    ...(journal !== undefined && { journal }),
  };
  return { summary: [...flightSummary({ ...facts, size: upload.size, state })], ...facts };
}

function arrival(size: number, startedAt: string, arrivedAt: string, sendingMs: number | undefined) {
  const durationMs = Math.max(Date.parse(arrivedAt) - Date.parse(startedAt), 0);
  const ms = sendingMs ?? durationMs;
  return { arrivedAt, durationMs, ...(ms > 0 && { bytesPerSecond: Math.round((size * 1000) / ms) }) };
}
