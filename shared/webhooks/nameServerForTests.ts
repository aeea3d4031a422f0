import { createSocket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";

/** A name server on this machine, of a test's own. */
export interface NameServerForTests {
  /** As a resolver takes it: address and port. */
  readonly address: string;
  /** What was asked for, in its order, e.g. `A hooks.example.com`. */
  readonly asked: readonly string[];
  /** Says which addresses the name has: one list for the first time that each type is asked for, the next for the second. */
  readonly answer: (name: string, ...times: readonly (readonly string[])[]) => void;
  /** Makes it never answer for the name. */
  readonly hush: (name: string) => void;
  readonly forget: () => void;
  readonly close: () => Promise<void>;
}

const types = new Map([
  [1, "A"],
  [28, "AAAA"],
]);

/** DNS over UDP (RFC 1035), as far as questions for addresses go: what it does not know does not exist. */
export async function startNameServerForTests(): Promise<NameServerForTests> {
  const asked: string[] = [];
  const known = new Map<string, readonly (readonly string[])[]>();
  const hushed = new Set<string>();
  const socket = createSocket("udp4");
  socket.on("message", (query, sender) => {
    const { name, type, end } = questionOf(query);
    const question = `${type} ${name}`;
    asked.push(question);
    if (hushed.has(name)) return;
    const times = known.get(name);
    const time = asked.filter((each) => each === question).length - 1;
    const addresses = (times?.[time] ?? times?.at(-1) ?? []).filter((each) => isIPv6(each) === (type === "AAAA"));
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(times === undefined ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(addresses.length, 6);
    header.fill(0, 8);
    socket.send(
      Buffer.concat([header, query.subarray(12, end), ...addresses.map(record)]),
      sender.port,
      sender.address,
    );
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    answer: (name, ...times) => known.set(name, times),
    hush: (name) => hushed.add(name),
    forget: () => {
      asked.length = 0;
      known.clear();
      hushed.clear();
    },
    close: async () => {
      socket.close();
      await once(socket, "close");
    },
  };
}

function questionOf(query: Buffer): { readonly name: string; readonly type: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), type: types.get(query.readUInt16BE(at + 1)) ?? "other", end: at + 5 };
}

/** An answer to the one question, valid for no time. */
function record(address: string): Buffer {
  const bytes = isIPv6(address) ? sixteenBytes(address) : Buffer.from(address.split(".").map(Number));
  const head = Buffer.from([0xc0, 12, 0, isIPv6(address) ? 28 : 1, 0, 1, 0, 0, 0, 0, 0, bytes.length]);
  return Buffer.concat([head, bytes]);
}

function sixteenBytes(address: string): Buffer {
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [left = [], right = []] = plain.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}
