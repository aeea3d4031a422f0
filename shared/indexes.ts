import { apiKeyKind } from "./keys/apiKey.ts";
import { accessGrantKind } from "./access/accessGrant.ts";
import { draftKind } from "./evidence/draft.ts";
import { memberKind } from "./members/member.ts";
import { surveyKind } from "./surveys/survey.ts";
import { templateKind } from "./templates/template.ts";
import { factKind } from "./tenancy/fact.ts";
import { type IndexPath, type ListedKind, compositeIndexes } from "./tenancy/kind.ts";
import { registeredTenantKind } from "./tenants/registry.ts";
import { videoKind } from "./videos/video.ts";
import { webhookKind } from "./webhooks/webhook.ts";

/** Every kind that is read as a list. The composite indexes of the container `data` follow from them. */
const listedKinds: readonly ListedKind[] = [
  apiKeyKind,
  accessGrantKind,
  draftKind,
  factKind,
  memberKind,
  surveyKind,
  templateKind,
  registeredTenantKind,
  videoKind,
  webhookKind,
];

export const dataIndexes: readonly (readonly IndexPath[])[] = compositeIndexes(listedKinds);
