import { app } from "@azure/functions";
import { Choice, Time, Whole, closed } from "../../shared/schema.ts";
import { ConsentChoice, giveConsent as give } from "../../shared/surveys/giveConsent.ts";
import { guestSurvey } from "../../shared/surveys/guestAccess.ts";
import { consentState, consentStates } from "../../shared/surveys/guestView.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Gives or withdraws the guest's consent. */
export const giveConsent = endpoint({
  method: "PUT",
  route: "guest/consent",
  permission: "guest:consent",
  summary: "Give or withdraw consent",
  body: ConsentChoice,
  success: { status: 200, body: closed({ version: Whole(1, 1_000_000), state: Choice(consentStates), at: Time }) },
  errors: ["stale_version", "submitted", "final", "not_found"],
  handler: async ({ body, tenant, caller }) => {
    const survey = await guestSurvey(tenant, caller);
    const consent = await give(tenant, survey, body, caller.tenant.consentText.version);
    return { version: consent.version, state: consentState(consent), at: consent.at };
  },
});
app.http("giveConsent", giveConsent);
