import type { Cookie } from "./core.ts";

/** A Set-Cookie value from what the library hands to the host (RFC 6265; the host escapes the value). */
export function serializeCookie(cookie: Cookie): string {
  const seconds = cookie.expires?.value?.seconds;
  const sameSite = { none: undefined, lax: "Lax", strict: "Strict", explicitNone: "None" }[cookie.sameSite ?? "none"];
  const attributes: readonly [string, string | number | boolean | null | undefined][] = [
    ["Domain", cookie.domain?.value],
    ["Path", cookie.path?.value ?? "/"],
    ["Expires", seconds === undefined ? undefined : new Date(seconds * 1000).toUTCString()],
    ["Max-Age", cookie.maxAge?.value],
    ["Secure", cookie.secure?.value],
    ["HttpOnly", cookie.httpOnly?.value],
    ["SameSite", sameSite],
  ];
  const set = attributes.filter(([, value]) => value !== undefined && value !== null && value !== false);
  return [
    `${cookie.name}=${encodeURIComponent(cookie.value)}`,
    ...set.map(([name, value]) => (value === true ? name : `${name}=${String(value)}`)),
  ].join("; ");
}
