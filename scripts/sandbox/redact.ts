import type { Question } from "../../shared/templates/template.ts";
import { type Classification, type FieldClasses, isListOfWords } from "../../shared/tenancy/classification.ts";
import type { ListedKind } from "../../shared/tenancy/kind.ts";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import type { WrittenItem } from "../../shared/tenancy/wholeTenant.ts";
import { type Pseudonyms, durationClass, languageOf, sizeClass } from "./pseudonyms.ts";

/** Nobody has said what this field, or this kind, holds: nothing of it may leave. The message has its name and no value. */
export class Unclassified extends Error {
  override readonly name = "Unclassified";
}

export type Scalar = string | number | boolean;

/** A value of an item, or a key of a map, and what is said of it. */
export interface StoredValue {
  readonly said: Classification;
  readonly value: Scalar;
  /** The names of the fields that lead to it, to be told: `survey.answers.*.value`. A key of a map is somebody's word. */
  readonly way: string;
  /** The same with the keys, and with places in lists. */
  readonly path: readonly string[];
}

type Place = Pick<StoredValue, "way" | "path">;
type Replace = (found: StoredValue) => Scalar;

/** The fields of every item beside those of its kind. `_` and what follows is the database's own. */
export const ofEveryItem = ["id", "tenantId", "kind", "schemaVersion", "createdAt", "updatedAt", "ttl"];

/** The fields of an item's own kind. */
export function ownFields(item: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(item).filter(([name]) => !ofEveryItem.includes(name) && !name.startsWith("_")),
  );
}

/** The fields with every value replaced by what `replace` says, and every key of a map by what it says of a handle. */
function mapped(fields: FieldClasses, value: object, { way, path }: Place, replace: Replace): Record<string, unknown> {
  const entries = Object.entries(value).map(([name, inner]: [string, unknown]) => {
    const isField = Object.hasOwn(fields, name);
    const said = isField ? fields[name] : fields["*"];
    const isKey = !isField && said !== undefined;
    const here = { way: `${way}.${isKey ? "*" : name}`, path: [...path, name] };
    if (said === undefined) throw new Unclassified(`${here.way} is not classified`);
    const key = isKey ? String(replace({ said: "handle", value: name, ...here })) : name;
    return [
      key,
      Array.isArray(inner)
        ? inner.map((member, at) => one(said, member, { ...here, path: [...here.path, String(at)] }, replace))
        : one(said, inner, here, replace),
    ];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** Every value of an item's own fields, and every key of a map. Throws {@link Unclassified}. */
export function valuesOf(item: StoredItem, { fields }: ListedKind): readonly StoredValue[] {
  const found: StoredValue[] = [];
  mapped(fields, ownFields(item), { way: item.kind, path: [] }, (value) => {
    found.push(value);
    return value.value;
  });
  return found;
}

function one(said: Classification | FieldClasses, value: unknown, place: Place, replace: Replace): unknown {
  if (value === null) return null;
  if (typeof said === "object" && !isListOfWords(said)) {
    if (typeof value !== "object") throw new Unclassified(`${place.way} is classified as something with fields`);
    return mapped(said, value, place, replace);
  }
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
    throw new Unclassified(`${place.way} has fields that are not classified`);
  return replace({ said, value, ...place });
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
  const replace: Replace = (found) => {
    const [field, questionId] = found.path;
    const question = field === "answers" ? questions?.find(({ id }) => id === questionId) : undefined;
    const standIn =
      found.said === "freeText" && question !== undefined
        ? answer(question, item, found, pseudonyms)
        : standInFor(found, item, pseudonyms);
    if (standIn !== undefined) return standIn;
    const said = typeof found.said === "string" ? found.said : "one of some words";
    throw new Unclassified(`${found.way} is classified as ${said}, and is not`);
  };
  const timeOf = (name: "createdAt" | "updatedAt") =>
    String(replace({ said: "time", value: item[name], way: `${item.kind}.${name}`, path: [name] }));
  return {
    ...mapped(kind.fields, ownFields(item), { way: item.kind, path: [] }, replace),
    id: pseudonyms.id(item.id),
    kind: item.kind,
    schemaVersion: item.schemaVersion,
    createdAt: timeOf("createdAt"),
    updatedAt: timeOf("updatedAt"),
    ...(typeof item.ttl === "number" && { ttl: item.ttl }),
  };
}

/** Of a text that counts as technical, the first number of a version is copied, unless it is longer than such are. */
const major = /^\d{1,5}(?=\.|$)/u;
const largestMajor = 9_999;

/** Undefined for what is something else than is said of it. */
function standInFor(found: StoredValue, item: StoredItem, pseudonyms: Pseudonyms): Scalar | undefined {
  const { said, value } = found;
  if (typeof said !== "string") return said.find((word) => word === value);
  if (said === "secret") return pseudonyms.secret(placeOf(item, found));
  if (said === "freeText") return text(value, pseudonyms);
  if (typeof value === "number") return numberFor(said, value);
  if (typeof value === "boolean") return said === "technical" ? value : undefined;
  switch (said) {
    case "technical":
      return majorOf(value);
    case "language":
      return languageOf(value);
    case "time":
      return pseudonyms.time(value, subjectOf(item));
    case "deadline":
      return pseudonyms.deadline(value, subjectOf(item));
    case "size":
    case "duration":
      return undefined;
    default:
      return pseudonyms[said](value);
  }
}

function majorOf(version: string): string | undefined {
  const [found] = major.exec(version) ?? [];
  return found && String(Math.min(largestMajor, Number(found)));
}

function numberFor(said: Classification, value: number): number | undefined {
  switch (said) {
    case "technical":
      return value;
    case "size":
      return sizeClass(value);
    case "duration":
      return durationClass(value);
    // How loud, and how long silent.
    case "fingerprint":
      return 0;
    default:
      return undefined;
  }
}

/** Where something is, for what follows from nothing else. */
function placeOf({ id }: StoredItem, { path }: StoredValue): string {
  return `${id} ${path.join(".")}`;
}

/** Whatever moves in time together: a survey with its links and videos, a template with its versions. */
function subjectOf({ id, surveyId, templateId }: StoredItem): string {
  return String(surveyId ?? templateId ?? id);
}

function text(value: Scalar, pseudonyms: Pseudonyms): Scalar {
  if (typeof value === "string") return pseudonyms.freeText(value);
  return typeof value === "number" ? 0 : false;
}

const days = { first: Date.UTC(1950, 0), count: 30_000 } as const;

/** Another answer of the kind that the question takes, which has nothing of the true one. */
function answer(question: Question, item: StoredItem, found: StoredValue, pseudonyms: Pseudonyms): Scalar {
  const { value, path } = found;
  const [field = "", questionId = "", , place = "0"] = path;
  const chance = pseudonyms.number(`${item.id} ${field}.${questionId}`);
  if (question.type === "choice" && typeof value === "string") {
    const { options } = question;
    // Of several, each another one.
    const option = options[(Math.floor(chance * options.length) + Number(place)) % options.length];
    return pseudonyms.handle(option?.value ?? value);
  }
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
