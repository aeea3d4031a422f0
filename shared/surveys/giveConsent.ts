import { Type } from "@sinclair/typebox";
import { Locale, type Static, Whole, closed } from "../schema.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { demandWritable } from "./guestAccess.ts";
import { type Survey, surveyKind } from "./survey.ts";

export const ConsentChoice = closed({
  version: Whole(1, 1_000_000, "Version of the text that was shown"),
  accepted: Type.Boolean({ description: "false withdraws: nothing more can be answered or filmed" }),
  locale: Locale,
});
export type ConsentChoice = Static<typeof ConsentChoice>;

/**
 * Records what the guest says to the text. The survey keeps what was said last, where the conditions of all its changes
 * can see it; the tenant's log keeps each event. Giving it takes a survey that can be answered and the `current` version
 * (`stale_version`); withdrawing it is always possible. Saying the same again changes nothing.
 */
export async function giveConsent(
  tenant: TenantScope,
  survey: Entity<Survey>,
  { version, accepted, locale }: ConsentChoice,
  current: number,
): Promise<NonNullable<Survey["consent"]>> {
  const said = survey.consent;
  if (said?.accepted === accepted && (said.version === version || !accepted)) return said;
  if (accepted) {
    demandWritable(survey, { consent: false });
    if (version !== current) throw new Problem("stale_version", { more: { version: current } });
  }
  const change = tenant.change();
  const consent = { version: accepted ? version : (said?.version ?? version), accepted, at: change.at, locale };
  await change
    .patch(surveyKind, survey, { consent }, { condition: { state: survey.state }, otherwise: { stale: "conflict" } })
    .commit({
      target: survey.id,
      events: [
        {
          type: accepted ? "consent.given" : "consent.withdrawn",
          data: { surveyId: survey.id, version: consent.version },
        },
      ],
    });
  return consent;
}
