import type { TenantScope } from "../tenancy/scope.ts";
import { templateKind } from "./template.ts";

/** How many templates a tenant has, and how many versions of them were published. One query per 100. */
export async function countTemplates(
  tenant: TenantScope,
): Promise<{ readonly templates: number; readonly versions: number }> {
  let [templates, versions] = [0, 0];
  for await (const { publishedVersion } of tenant.repository.all(templateKind, { orderBy: "updatedAt" })) {
    templates += 1;
    versions += publishedVersion;
  }
  return { templates, versions };
}
