import { createHash } from "node:crypto";
import { newId, prefixes } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { Problem } from "../web/problem.ts";
import { type Template, type TemplateVersion, templateKind, templateVersionKind } from "./template.ts";
import { type TemplateVersionView, templateVersionView } from "./templateView.ts";

/**
 * Makes an immutable version of a template's draft. Throws `unchanged` where the latest version says the same, `conflict`
 * where the draft changes at the same time.
 */
export async function publishTemplate(tenant: TenantScope, templateId: string): Promise<TemplateVersionView> {
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
    .remember({ id })
    .commit({ target: templateId });
  return templateVersionView({ ...version, id, createdAt: at });
}

/** Equal for equal content, whatever the order in which the members of an object were sent. */
function hashOf({ name, questions }: Template): string {
  const canonical = JSON.stringify([name, questions], (_key, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
  return createHash("sha256").update(canonical).digest("hex");
}
