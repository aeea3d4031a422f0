import { counting } from "../tenancy/counting.ts";
import type { Entity } from "../tenancy/kind.ts";
import type { TenantScope } from "../tenancy/scope.ts";
import { counters, limits } from "../tenants/tenant.ts";
import { Problem } from "../web/problem.ts";
import { checkQuestions } from "./checkQuestions.ts";
import { countTemplates } from "./countTemplates.ts";
import { type Template, templateKind } from "./template.ts";
import type { TemplateDraft } from "./templateView.ts";

export interface PutTemplate {
  readonly templateId: string;
  readonly draft: TemplateDraft;
  /** The version that is replaced; undefined to create. */
  readonly ifMatch: string | undefined;
  /** Checks the draft and stores nothing. */
  readonly dryRun: boolean;
}

/** What is stored; without an etag after a dry run. */
export type PutResult = Omit<Entity<Template>, "etag"> & { readonly etag?: string };

/**
 * Creates or replaces a draft. Throws `questions` naming every fault, `stale` where the precondition fails,
 * `quota_exceeded` where the tenant has all the templates that it can have.
 */
export async function putTemplate(tenant: TenantScope, put: PutTemplate): Promise<PutResult> {
  const errors = checkQuestions(put.draft.questions);
  if (errors.length > 0)
    throw new Problem("questions", {
      errors: errors.map((error) => ({ ...error, pointer: `/questions${error.pointer}` })),
    });
  if (put.ifMatch !== undefined) return await replace(tenant, put, put.ifMatch);
  const existing = async () => (await countTemplates(tenant)).templates;
  return await counting(tenant, counters.templates, existing, () => create(tenant, put));
}

async function create(tenant: TenantScope, { templateId, draft, dryRun }: PutTemplate): Promise<PutResult> {
  const fields: Template = { ...draft, publishedVersion: 0 };
  const change = tenant.change();
  const stored = { ...fields, id: templateId, createdAt: change.at, updatedAt: change.at };
  if (dryRun) {
    if ((await tenant.repository.find(templateKind, templateId)) !== undefined) throw new Problem("stale");
    return stored;
  }
  const committed = await change
    .create(templateKind, templateId, fields, { exists: "stale" })
    .count(counters.templates, 1, { atMost: limits.templates, beyond: "quota_exceeded" })
    .commit({ target: templateId });
  return { ...stored, etag: committed.etag(templateId) };
}

async function replace(
  tenant: TenantScope,
  { templateId, draft, dryRun }: PutTemplate,
  ifMatch: string,
): Promise<PutResult> {
  const template = await tenant.repository.get(templateKind, templateId);
  if (template.etag !== ifMatch) throw new Problem("stale");
  const { id, createdAt, updatedAt, etag, ...fields } = template;
  const replaced: Template = { ...fields, ...draft };
  const change = tenant.change().replace(templateKind, template, replaced);
  const stored = { ...replaced, id, createdAt, updatedAt: change.at };
  if (dryRun) return stored;
  const committed = await change.commit({ target: id });
  return { ...stored, etag: committed.etag(id) };
}
