import { Rejection } from "./rejection.ts";

/** What a recording may be. A video question narrows these; nothing widens them. */
export interface MediaLimits {
  readonly maxBytes: number;
  readonly minDurationMs: number;
  readonly maxDurationMs: number;
  /** Pixels of one picture, as coded and as displayed. */
  readonly maxPixels: number;
}

export const defaultLimits: MediaLimits = {
  maxBytes: 4 * 1024 ** 3,
  minDurationMs: 500,
  maxDurationMs: 60 * 60 * 1000,
  maxPixels: 36_000_000,
};

/** Cameras stop on a frame, and sound outlasts the picture: a minute asked for may be recorded as 60.2 seconds, or 59.9. */
const graceMs = { longer: 1000, shorter: 250 };

/** Throws a {@link Rejection} when a recording of this length is not wanted. */
export function checkDuration(durationMs: number, limits: MediaLimits): void {
  if (durationMs > limits.maxDurationMs + graceMs.longer)
    throw new Rejection("too_long", `lasts ${seconds(durationMs)}, at most ${seconds(limits.maxDurationMs)}`);
  checkShortest(durationMs, limits);
}

/** The same for its pictures: sound alone shows nothing. */
export function checkShortest(picturesMs: number, limits: MediaLimits): void {
  if (picturesMs < limits.minDurationMs - graceMs.shorter)
    throw new Rejection("too_short", `lasts ${seconds(picturesMs)}, at least ${seconds(limits.minDurationMs)}`);
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** Throws a {@link Rejection} when one picture has more pixels than allowed. */
export function checkPixels(width: number, height: number, limits: MediaLimits): void {
  if (width * height > limits.maxPixels)
    throw new Rejection("too_large", `${width} x ${height} pixels, at most ${limits.maxPixels}`);
}
