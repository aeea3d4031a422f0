import { az } from "./az.ts";
import { type Place, namesOf } from "./place.ts";

const role = "Storage Blob Data Contributor";

/**
 * Lets somebody send packages, and read or write nothing else: who manages resources may not write blobs for that alone.
 * Without a principal, whoever is signed in. Azure takes some minutes until it lets them.
 */
export async function permit(place: Place, principal: string | undefined, say: (line: string) => void): Promise<void> {
  const { packageAccount } = await namesOf(place);
  const { id: scope } = await az<{ readonly id: string }>([
    ...["storage", "account", "show", "--resource-group", place.group, "--name", packageAccount],
  ]);
  const who = principal ?? (await az<{ readonly id: string }>(["ad", "signed-in-user", "show"])).id;
  const has = await az<readonly { readonly principalId: string }[]>([
    ...["role", "assignment", "list", "--scope", scope, "--role", role],
  ]);
  if (has.some(({ principalId }) => principalId === who)) {
    say("they may already");
    return;
  }
  await az([
    ...["role", "assignment", "create", "--scope", scope, "--role", role, "--assignee-object-id", who],
    ...["--assignee-principal-type", principal === undefined ? "User" : "ServicePrincipal"],
  ]);
  say(`packages may be sent to ${packageAccount}, in some minutes`);
}
