import { app } from "@azure/functions";
import { Evidence } from "../../shared/evidence/evidence.ts";
import { readEvidence } from "../../shared/evidence/readEvidence.ts";
import { tenantContainer } from "../../shared/storage/containers.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** What is known of a recording, its hashes and its way from the device, signed. */
export const getEvidence = endpoint({
  method: "GET",
  route: "surveys/{surveyId}/videos/{videoId}/evidence",
  permission: "videos:read",
  policy: "assigned",
  summary: "The evidence of a video",
  description:
    'Made soon after a video is ready. The signature is PS256, of the canonical JSON (RFC 8785) of the array `["callpilot-evidence", kid, manifest]`. The key is here for convenience: believe the one that you were given by the vault\'s operator. Save the answer as it is, and `npm run verify-evidence` checks it offline.',
  success: { status: 200, body: Evidence },
  errors: ["not_sealed"],
  recorded: true,
  handler: async ({ params, caller, tenant, resource: survey }) =>
    await readEvidence(tenant, tenantContainer(tenant.tenantId, caller.tenant.account), survey.id, params.videoId),
});
app.http("getEvidence", getEvidence);
