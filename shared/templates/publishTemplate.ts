import { createHash } from "node:crypto";
import { counting } from "../tenancy/counting.ts";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters, limits } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import { countTemplates } from "./countTemplates.ts";
import { type Template, type TemplateVersion, templateKind, templateVersionKind } from "./template.ts";
import { type TemplateVersionView, templateVersionView } from "./templateView.ts";

/**
 * Makes an immutable version of a template's draft. Throws `unchanged` where the latest version says the same, `conflict`
 * where the draft changes at the same time, `quota_exceeded` where the tenant has all the versions that it can have.
 */
export async function publishTemplate(tenant: TenantScope, templateId: string): Promise<TemplateVersionView> {
  const existing = async () => (await countTemplates(tenant)).versions;
  return await counting(tenant, counters.templateVersions, existing, () => publish(tenant, templateId));
}

async function publish(tenant: TenantScope, templateId: string): Promise<TemplateVersionView> {
  const template = await tenant.repository.get(templateKind, templateId);
  const { name, questions } = template;
  const publishedHash = hashOf(template);
  if (publishedHash === template.publishedHash) throw new Problem("unchanged");
  const id = newId(prefixes.templateVersion);
  const version: TemplateVersion = { templateId, version: template.publishedVersion + 1, name, questions };
  const { at } = await tenant
    .change()
    .patch(
      templateKind,
      template,
      { publishedVersion: version.version, publishedVersionId: id, publishedHash },
      { ifMatch: template.etag, otherwise: { stale: "conflict" } },
    )
    .create(templateVersionKind, id, version)
    .count(counters.templateVersions, 1, { atMost: limits.templateVersions, beyond: "quota_exceeded" })
    .remember({ id })
    .commit({ target: templateId });
  return templateVersionView({ ...version, id, createdAt: at });
}

/** Equal for equal content, whatever the order in which the members of an object were sent. */
export function hashOf({ name, questions }: Pick<Template, "name" | "questions">): string {
  const canonical = JSON.stringify([name, questions], (_key, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
  return createHash("sha256").update(canonical).digest("hex");
}
