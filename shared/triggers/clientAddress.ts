import { isIPv6 } from "node:net";

/**
 * Whom a request is counted for: an IPv4 address, or the first half of an IPv6 address, since a single host has all of the
 * second. App Service appends the peer's address, with its port, to X-Forwarded-For; what stands before it is the client's
 * own words.
 */
export function clientAddress(forwardedFor: string | null): string {
  const last = forwardedFor?.split(",").at(-1)?.trim() ?? "";
  const address = /^\[([^\]]+)\]/u.exec(last)?.[1] ?? (isIPv6(last) ? last : last.replace(/:\d+$/u, ""));
  if (!isIPv6(address)) return address;
  const groups = groupsOf(address);
  const mapped = groups.slice(0, 6).join(":") === "0:0:0:0:0:ffff";
  return mapped ? groups.slice(6).join(":") : `${groups.slice(0, 4).join(":")}::/64`;
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const plain = new URL(`http://[${address.split("%")[0] ?? ""}]`).hostname.slice(1, -1);
  const [before = "", after] = plain.split("::");
  const left = before === "" ? [] : before.split(":");
  if (after === undefined) return left;
  const right = after === "" ? [] : after.split(":");
  return [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
}
