import { BlockList, isIP } from "node:net";

/** IANA's IPv4 special-purpose registry (RFC 6890), multicast and reserved space, and the one address below. */
const special = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  special.addSubnet(network, prefix, "ipv4");
// Azure's platform behind every virtual machine: looks public and is not.
special.addAddress("168.63.129.16", "ipv4");

/** Global unicast is the only part of IPv6 that the internet is made of (RFC 4291); mapped and NAT64 forms lie outside. */
const globalUnicast = new BlockList();
globalUnicast.addSubnet("2000::", 3, "ipv6");

/** Parts of it that are not: protocol assignments with Teredo, documentation, 6to4. */
const specialUnicast = new BlockList();
specialUnicast.addSubnet("2001::", 23, "ipv6");
specialUnicast.addSubnet("2001:db8::", 32, "ipv6");
specialUnicast.addSubnet("2002::", 16, "ipv6");
specialUnicast.addSubnet("3fff::", 20, "ipv6");

/** Whether the text is an IP address of the public internet. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !special.check(address, "ipv4");
  return isIP(address) === 6 && globalUnicast.check(address, "ipv6") && !specialUnicast.check(address, "ipv6");
}
