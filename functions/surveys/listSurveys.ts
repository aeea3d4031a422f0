import { app } from "@azure/functions";
import { Choice, PageOf, Time, closed, optional, paging } from "../../shared/schema.ts";
import { surveyKind, surveyStates } from "../../shared/surveys/survey.ts";
import { ExternalRef, SurveyItem, surveyItem } from "../../shared/surveys/surveyView.ts";
import { DerivedId } from "../../shared/tenancy/ids.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";
import { utc } from "../../shared/utc.ts";

/** The surveys that the caller may see, those changed last first. */
export const listSurveys = endpoint({
  method: "GET",
  route: "surveys",
  permission: "surveys:read",
  summary: "List surveys",
  description: "Filter by state, by assignee, by both, or by externalRef. Surveyors see what is assigned to them.",
  query: closed({
    state: optional(Choice(surveyStates)),
    assigneeId: optional(DerivedId("mbr")),
    externalRef: optional(ExternalRef),
    updatedSince: optional(Time),
    ...paging,
  }),
  success: { status: 200, body: PageOf(SurveyItem) },
  handler: async ({ query, tenant, caller }) => {
    // A grant is for one survey, which its request names.
    if (caller.type === "support") return { items: [] };
    const { updatedSince, limit, cursor, ...where } = query;
    if (caller.assignedOnly) {
      if ((where.assigneeId ?? caller.id) !== caller.id) return { items: [] };
      where.assigneeId = caller.id;
    }
    const { items, ...page } = await tenant.repository.list(surveyKind, {
      where,
      orderBy: "updatedAt",
      ...(updatedSince !== undefined && { from: utc(updatedSince, "/updatedSince") }),
      ...(limit !== undefined && { limit }),
      ...(cursor !== undefined && { cursor }),
    });
    return { ...page, items: items.map(surveyItem) };
  },
});
app.http("listSurveys", listSurveys);
