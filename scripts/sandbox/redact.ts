import type { Question } from "../../shared/templates/template.ts";
import { type Classification, type FieldClasses, isListOfWords } from "../../shared/tenancy/classification.ts";
import type { ListedKind } from "../../shared/tenancy/kind.ts";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import type { WrittenItem } from "../../shared/tenancy/wholeTenant.ts";
import { type Pseudonyms, languageOf, sizeClass } from "./pseudonyms.ts";

/** Nobody has said what this field, or this kind, holds: nothing of it may leave. The message has its name and no value. */
export class Unclassified extends Error {
  override readonly name = "Unclassified";
}

export type Scalar = string | number | boolean;

/** A value of an item, with what is said of it and where it stands: `survey.guest.name`. */
export interface Classified {
  readonly said: Classification;
  readonly value: Scalar;
  readonly way: string;
}

/** What every item has beside the fields of its kind. `_` and what follows is the database's own. */
const ofEveryItem = ["id", "tenantId", "kind", "schemaVersion", "createdAt", "updatedAt", "ttl"];

/** The fields of an item's own kind. */
export function ownFields(item: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(item).filter(([name]) => !ofEveryItem.includes(name) && !name.startsWith("_")),
  );
}

/** The fields with every value replaced by what `replace` says, and every key of a map by what it says of a handle. */
function mapped(
  fields: FieldClasses,
  value: object,
  way: string,
  replace: (found: Classified) => Scalar,
): Record<string, unknown> {
  const entries = Object.entries(value).map(([name, inner]: [string, unknown]) => {
    const isMap = !Object.hasOwn(fields, name);
    const here = `${way}.${name}`;
    const said = isMap ? fields["*"] : fields[name];
    if (said === undefined) throw new Unclassified(`${here} is not classified`);
    const key = isMap ? String(replace({ said: "handle", value: name, way: here })) : name;
    return [
      key,
      Array.isArray(inner) ? inner.map((member) => one(said, member, here, replace)) : one(said, inner, here, replace),
    ];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** Every value of an item's own fields, and every key of a map. Throws {@link Unclassified}. */
export function valuesOf(item: StoredItem, { fields }: ListedKind): readonly Classified[] {
  const found: Classified[] = [];
  mapped(fields, ownFields(item), item.kind, (value) => {
    found.push(value);
    return value.value;
  });
  return found;
}

function one(
  said: Classification | FieldClasses,
  value: unknown,
  way: string,
  replace: (found: Classified) => Scalar,
): unknown {
  if (value === null) return null;
  if (typeof said === "object" && !isListOfWords(said)) {
    if (typeof value !== "object") throw new Unclassified(`${way} is classified as something with fields`);
    return mapped(said, value, way, replace);
  }
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
    throw new Unclassified(`${way} has fields that are not classified`);
  return replace({ said, value, way });
}

/** The questions that a survey asks, by its template version's id; undefined where there is no such version. */
export type QuestionsOf = (templateVersionId: string) => Promise<readonly Question[] | undefined>;

/** An item without anything that tells whose it was; of whom it will be is not in it. */
export type RedactedItem = WrittenItem;

/** Throws {@link Unclassified}. */
export async function redacted(
  item: StoredItem,
  kind: ListedKind,
  pseudonyms: Pseudonyms,
  questionsOf: QuestionsOf,
): Promise<RedactedItem> {
  const questions = item.kind === "survey" ? await questionsOf(String(item["templateVersionId"])) : undefined;
  const subject = subjectOf(item);
  const fields = mapped(kind.fields, ownFields(item), item.kind, (found) => {
    const place = `${item.id} ${found.way}`;
    if (found.said === "time") return time(found, subject, pseudonyms);
    if (found.said !== "freeText") return replacement(found, place, pseudonyms);
    const [, field, questionId] = found.way.split(".");
    const question = field === "answers" ? questions?.find(({ id }) => id === questionId) : undefined;
    return question === undefined ? text(found.value, pseudonyms) : answer(question, found.value, place, pseudonyms);
  });
  const timeOf = (name: "createdAt" | "updatedAt") =>
    time({ said: "time", value: item[name], way: `${item.kind}.${name}` }, subject, pseudonyms);
  return {
    ...fields,
    id: pseudonyms.id(item.id),
    kind: item.kind,
    schemaVersion: item.schemaVersion,
    createdAt: timeOf("createdAt"),
    updatedAt: timeOf("updatedAt"),
    ...(typeof item.ttl === "number" && { ttl: item.ttl }),
  };
}

/** Whatever moves in time together: a survey with its links and videos, a template with its versions. */
function subjectOf({ id, surveyId, templateId }: StoredItem): string {
  return String(surveyId ?? templateId ?? id);
}

/** The only text that is copied as it is, beside words of closed lists. */
const version = /^\d{1,5}$|^\d{1,5}\.\d{1,5}\.?\d{0,5}$/u;

function replacement({ said, value, way }: Classified, place: string, pseudonyms: Pseudonyms): Scalar {
  if (typeof said !== "string") {
    if (typeof value !== "string" || !said.includes(value)) throw new Unclassified(`${way} is no word of its list`);
    return value;
  }
  if (said === "technical") {
    if (typeof value === "string" && !version.test(value)) throw new Unclassified(`${way} is no figure`);
    return value;
  }
  if (said === "size" && typeof value === "number") return sizeClass(value);
  // Points of a curve, and how long something was heard or seen.
  if (said === "fingerprint" && typeof value === "number") return 0;
  if (said === "secret") return pseudonyms.secret(place);
  if (typeof value !== "string") throw new Unclassified(`${way} is no ${said}`);
  if (said === "language") return languageOf(value);
  if (said === "size" || said === "time" || said === "freeText") throw new Unclassified(`${way} is no ${said}`);
  return pseudonyms[said](value);
}

function time({ value, way }: Classified, subject: string, pseudonyms: Pseudonyms): string {
  const moved = typeof value === "string" ? pseudonyms.time(value, subject) : undefined;
  if (moved === undefined) throw new Unclassified(`${way} is no time`);
  return moved;
}

function text(value: Scalar, pseudonyms: Pseudonyms): Scalar {
  if (typeof value === "string") return pseudonyms.freeText(value);
  return typeof value === "number" ? 0 : false;
}

const days = { first: Date.UTC(1950, 0), count: 30_000 } as const;

/** Another answer of the kind that the question takes, so that whoever shows it finds what it can show. */
function answer(question: Question, value: Scalar, place: string, pseudonyms: Pseudonyms): Scalar {
  const chance = pseudonyms.number(place);
  if (question.type === "choice" && typeof value === "string") return pseudonyms.handle(value);
  if (question.type === "date") {
    const day = days.first + Math.floor(chance * days.count) * 86_400_000;
    return new Date(day).toISOString().slice(0, 10);
  }
  if (typeof value === "boolean") return chance < 0.5;
  if (question.type === "number") {
    const { minimum = Math.min(0, question.maximum ?? 0), maximum = Math.max(100, minimum) } = question;
    // Of few digits, so that it is nobody's in particular.
    const round = Number(Math.round(minimum + chance * (maximum - minimum)).toPrecision(3));
    return round >= minimum && round <= maximum ? round : minimum;
  }
  return text(value, pseudonyms);
}
