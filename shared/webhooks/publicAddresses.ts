import type { LookupAddress } from "node:dns";
import { Resolver } from "node:dns/promises";
import { isPublicAddress } from "./addresses.ts";
import { OutboundFailure } from "./outboundFailure.ts";

/** Per name server and attempt; whoever asks has a limit for all of it. */
const attempt = { timeout: 3_000, tries: 2 };

/**
 * All addresses of the name, asked for once. Throws {@link OutboundFailure} `unsafe_url` unless every one of them is of
 * the public internet, `dns` where there is none, `timeout` where the signal comes first. `servers` are the machine's own
 * by default.
 *
 * Asked by DNS itself, not by the system's resolver: that one waits in the few threads that files and every other look-up
 * need, so that a name whose server never answers would hold up all of them; and it knows this machine's own names.
 */
export async function publicAddresses(
  name: string,
  signal: AbortSignal,
  servers?: readonly string[],
): Promise<readonly LookupAddress[]> {
  const resolver = new Resolver(attempt);
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = () => {
    resolver.cancel();
  };
  signal.addEventListener("abort", cancel);
  const asked = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  signal.removeEventListener("abort", cancel);
  const [four, six] = asked.map((answer) => (answer.status === "fulfilled" ? answer.value : []));
  const addresses = [of(4, four), of(6, six)].flat();
  if (signal.aborted) throw new OutboundFailure("timeout");
  if (addresses.length === 0) throw new OutboundFailure("dns");
  if (!addresses.every(({ address }) => isPublicAddress(address))) throw new OutboundFailure("unsafe_url");
  return addresses;
}

function of(family: 4 | 6, addresses: readonly string[] = []): LookupAddress[] {
  return addresses.map((address) => ({ address, family }));
}
