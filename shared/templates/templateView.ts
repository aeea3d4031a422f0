import { Name, type Static, Time, Whole, closed, optional } from "../schema.ts";
import { Id, prefixes } from "../tenancy/ids.ts";
import type { Entity } from "../tenancy/kind.ts";
import { Questions, type Template, type TemplateVersion, questionsView } from "./template.ts";

const published = {
  publishedVersion: Whole(0, 1_000_000, "Number of the latest published version, 0 before the first"),
  publishedVersionId: optional(Id(prefixes.templateVersion)),
};
const times = { createdAt: Time, updatedAt: Time };

/** What a template is made of: the body of `putTemplate`. */
export const TemplateDraft = closed({ name: Name, questions: Questions });
export type TemplateDraft = Static<typeof TemplateDraft>;

export const TemplateView = closed({
  id: Id(prefixes.template),
  name: Name,
  questions: Questions,
  ...published,
  ...times,
});
export type TemplateView = Static<typeof TemplateView>;

/** Stored or, for a dry run, still to be stored. */
export function templateView(template: Omit<Entity<Template>, "etag">): TemplateView {
  const { id, name, questions, publishedVersion, publishedVersionId, createdAt, updatedAt } = template;
  return {
    id,
    name,
    questions: questionsView(questions),
    publishedVersion,
    ...(publishedVersionId !== undefined && { publishedVersionId }),
    createdAt,
    updatedAt,
  };
}

/** A template in a list, without its questions. */
export const TemplateItem = closed({
  id: Id(prefixes.template),
  name: Name,
  questionCount: Whole(1, 100),
  ...published,
  ...times,
});
export type TemplateItem = Static<typeof TemplateItem>;

export function templateItem(template: Entity<Template>): TemplateItem {
  const { questions, ...rest } = templateView(template);
  return { ...rest, questionCount: questions.length };
}

export const TemplateVersionView = closed({
  id: Id(prefixes.templateVersion),
  templateId: Id(prefixes.template),
  version: Whole(1, 1_000_000),
  name: Name,
  questions: Questions,
  createdAt: Time,
});
export type TemplateVersionView = Static<typeof TemplateVersionView>;

export function templateVersionView(
  version: TemplateVersion & Pick<Entity<TemplateVersion>, "id" | "createdAt">,
): TemplateVersionView {
  const { id, templateId, version: number, name, questions, createdAt } = version;
  return { id, templateId, version: number, name, questions: questionsView(questions), createdAt };
}
