import { ulid } from "ulid";

const form = /^(?:[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-9a-f-]{32,36})$/u;

/**
 * A ULID, or a UUID or 128 bits in hex. It stays in the tenant's log for ever, so nothing that reads like words, names or
 * addresses.
 */
export const requestIdPattern = form.source;

/** The client's own id of a request, or a new one where that is none. */
export function requestIdOf(given: string | null): string {
  return given !== null && form.test(given) ? given : ulid();
}
