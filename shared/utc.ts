import { now } from "./clock.ts";
import { invalidField } from "./web/problem.ts";

/** RFC 3339 has years of four digits. */
const first = Date.parse("0000-01-01T00:00:00.000Z");
const last = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * A time of a request as times are stored: in UTC, with milliseconds. Throws `invalid_request` at the pointer for what
 * has the form of a time and is none, e.g. a leap second, or is none in UTC: its year would have another length.
 */
export function utc(text: string, pointer: string): string {
  const time = new Date(text);
  if (time.getTime() >= first && time.getTime() <= last) return time.toISOString();
  throw invalidField(pointer, "time", "is not a time");
}

/** {@link utc} of a time from now on and within so many milliseconds; throws `invalid_request` for any other. */
export function futureUtc(
  text: string,
  pointer: string,
  within: { readonly ms: number; readonly words: string },
): string {
  const given = utc(text, pointer);
  const time = now().getTime();
  if (given <= new Date(time).toISOString()) throw invalidField(pointer, "past", "must be in the future");
  if (given > new Date(time + within.ms).toISOString())
    throw invalidField(pointer, "too_late", `must be within ${within.words}`);
  return given;
}
