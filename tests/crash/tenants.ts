import { type Person, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import type { Page } from "./guests.ts";
import { hookEvents } from "./verdict.ts";

/** A tenant that a simulation loads with videos. */
export interface TenantUnderLoad {
  readonly id: string;
  readonly owner: Person;
  /** Path that its webhook comes to. */
  readonly hook: string;
  readonly pages: readonly Page[];
}

const videosPerSurvey = 10;
const surveysPerTenant = 15;

/** Tenants with surveys and open pages enough for so many videos, each with a webhook to the receiver. */
export async function tenantsFor(videos: number, webhookReceiverUrl: string): Promise<readonly TenantUnderLoad[]> {
  const tenants: TenantUnderLoad[] = [];
  for (let left = Math.ceil(videos / videosPerSurvey); left > 0; left -= surveysPerTenant) {
    const tenant = await newTenant();
    const hook = `/${tenant.id}`;
    await expectApi("POST /v1/webhooks", 201, {
      token: tenant.owner.token,
      body: { url: `${webhookReceiverUrl}${hook}`, events: hookEvents },
    });
    const pages: Page[] = [];
    while (pages.length < Math.min(left, surveysPerTenant)) {
      const { surveyId, link, guest } = await newSurvey(tenant);
      pages.push({ tenantId: tenant.id, surveyId, link, session: guest });
    }
    tenants.push({ id: tenant.id, owner: tenant.owner, hook, pages });
  }
  return tenants;
}
