import { Problem } from "./web/problem.ts";

/**
 * A time of a request as times are stored: in UTC, with milliseconds. Throws `invalid_request` at the pointer for what
 * has the form of a time and is none, e.g. a leap second.
 */
export function utc(text: string, pointer: string): string {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new Problem("invalid_request", { errors: [{ pointer, code: "time", message: "is not a time" }] });
}
