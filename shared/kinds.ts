import { apiKeyKind } from "./keys/apiKey.ts";
import { accessGrantKind, accessRequestKind } from "./access/accessGrant.ts";
import { draftKind } from "./evidence/draft.ts";
import { recordedKind } from "./log/recordOnce.ts";
import { invitationKind, memberKind } from "./members/member.ts";
import { operationKind } from "./operations/operation.ts";
import { linkKind } from "./surveys/link.ts";
import { surveyKind } from "./surveys/survey.ts";
import { templateKind, templateVersionKind } from "./templates/template.ts";
import { counterKind } from "./tenancy/counter.ts";
import { factKind } from "./tenancy/fact.ts";
import type { ListedKind } from "./tenancy/kind.ts";
import { leaseKind } from "./tenancy/lease.ts";
import { reservationKind } from "./tenancy/reservation.ts";
import { idempotencyKind } from "./tenancy/scope.ts";
import { registeredTenantKind } from "./tenants/registry.ts";
import { tenantKind } from "./tenants/tenant.ts";
import { scanResultKind } from "./videos/scanResult.ts";
import { videoKind } from "./videos/video.ts";
import { deliveryKind } from "./webhooks/delivery.ts";
import { webhookKind } from "./webhooks/webhook.ts";

/** Every kind of item that is stored in the container `data`, the head of a tenant's log apart. */
export const kinds: readonly ListedKind[] = [
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
  accessRequestKind,
  counterKind,
  deliveryKind,
  idempotencyKind,
  invitationKind,
  leaseKind,
  linkKind,
  operationKind,
  recordedKind,
  reservationKind,
  scanResultKind,
  templateVersionKind,
  tenantKind,
];
