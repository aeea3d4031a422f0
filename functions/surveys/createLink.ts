import { app } from "@azure/functions";
import { LinkView, NewLink, createLink as create, createdLink } from "../../shared/surveys/createLink.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Makes the link that opens the survey to its guest, and ends the one before it. */
export const createLink = endpoint({
  method: "POST",
  route: "surveys/{surveyId}/links",
  permission: "surveys:send",
  policy: "assigned",
  summary: "Invite the guest",
  description:
    "The address is shown in this answer only. Links are valid for 30 days unless said otherwise, at most 90.",
  body: NewLink,
  success: { status: 201, body: LinkView },
  errors: ["final", "policy", "quota_exceeded"],
  handler: ({ body, tenant, resource: survey }) => create(tenant, survey, body),
  repeat: ({ tenant }, first) => createdLink(tenant, first),
});
app.http("createLink", createLink);
