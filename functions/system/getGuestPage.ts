import { app } from "@azure/functions";
import { config } from "../../shared/config.ts";
import { guestPage } from "../../shared/system/guestPage.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** What a guest link opens until a page for guests stands in its place. The link's token never reaches it. */
export const getGuestPage = endpoint({
  method: "GET",
  route: "s",
  unversioned: true,
  permission: "public",
  summary: "Page behind a guest link",
  success: { status: 200, document: "text/html" },
  handler: () => Promise.resolve(guestPage(config().api.publicUrl)),
});
app.http("getGuestPage", getGuestPage);
