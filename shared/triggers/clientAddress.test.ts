import { expect, it } from "vitest";
import { clientAddress } from "./clientAddress.ts";

it.each([
  ["203.0.113.9:50123", "203.0.113.9"],
  ["203.0.113.9", "203.0.113.9"],
  ["10.0.0.1, 203.0.113.9:50123", "203.0.113.9"],
  ["1.1.1.1,2.2.2.2 , 203.0.113.9", "203.0.113.9"],
  ["[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8::7:1", "2001:db8:0:0::/64"],
  ["2001:db8:0000:0000:ffff::1", "2001:db8:0:0::/64"],
  ["[::1]:1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::ffff:203.0.113.9", "cb00:7109"],
  ["[::ffff:203.0.113.9]:80", "cb00:7109"],
  ["unknown", "unknown"],
  ["", ""],
  [null, ""],
])("%s is counted as %s", (header, address) => {
  expect(clientAddress(header)).toBe(address);
});

it("counts every address of one host's network as the same, and of the next as another", () => {
  const of = (network: number, host: number) =>
    clientAddress(`[2001:db8:0:${network.toString(16)}::${host.toString(16)}]:1`);
  expect(new Set(Array.from({ length: 100 }, (_, host) => of(1, host))).size).toBe(1);
  expect(of(1, 1)).not.toBe(of(2, 1));
});
