import { app } from "@azure/functions";
import { KeyList, keyView } from "../../shared/keys/keyView.ts";
import { listKeys as list } from "../../shared/keys/listKeys.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** The tenant's service keys, the oldest first; there are never so many that they need pages. */
export const listKeys = endpoint({
  method: "GET",
  route: "keys",
  permission: "keys:manage",
  summary: "List service keys",
  description: "Those that have ended are shown until they make room for others.",
  success: { status: 200, body: KeyList },
  handler: async ({ tenant }) => ({ items: (await list(tenant)).map(keyView) }),
});
app.http("listKeys", listKeys);
