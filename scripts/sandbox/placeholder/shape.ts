import { fitted } from "../../../shared/media/encode.ts";
import { defaultLimits } from "../../../shared/media/limits.ts";

/** What two recordings share when one placeholder can stand in for both. */
export interface Shape {
  readonly durationMs: number;
  readonly width: number;
  readonly height: number;
}

/** The limits of recordings with the grace that they are given, less a hundredth of a second for parts that are rounded. */
const durations = { leastMs: defaultLimits.minDurationMs - 250, mostMs: defaultLimits.maxDurationMs + 990 };
/** Of a picture, the longest side that a video keeps. */
const longestSide = 1920;

/** What can be made that comes nearest: sides are even, as the product's own encoder makes them. */
export function shapeOf({ durationMs, width, height }: Shape): Shape {
  return {
    durationMs: within(durations.leastMs, durationMs, durations.mostMs),
    ...fitted(within(2, width, 100_000), within(2, height, 100_000), longestSide),
  };
}

/** Also of what is no number. */
function within(least: number, value: number, most: number): number {
  return Math.min(most, Math.max(least, Math.round(value) || least));
}
