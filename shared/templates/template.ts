import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Choice, Decimal, Line, List, type Static, Text, Whole, closed, optional } from "../schema.ts";
import { defineKind } from "../tenancy/kind.ts";
import { fault } from "../validator.ts";
import { Gates, gateActions } from "./gates.ts";

/** Characters of an answer whose question names no limit. */
export const longestText = 5_000;

export const QuestionId = Type.String({ pattern: "^[a-z][a-z0-9_-]{0,39}$", maxLength: 40 });

const common = {
  id: QuestionId,
  label: Line(300, "What the guest is asked"),
  guidance: optional(Text(2_000, "Help for the guest, shown below the label")),
};
const required = optional(
  Type.Boolean({ description: "Whether a survey can be submitted without it; false by default" }),
);
const kindOf = <const W extends string>(word: W) => Choice([word]);

const questionTypes = ["video", "text", "number", "choice", "boolean", "date", "section"] as const;

const variants = [
  closed({
    ...common,
    type: kindOf("video"),
    required,
    minSeconds: optional(Whole(1, 3_600)),
    maxSeconds: optional(Whole(1, 3_600)),
    maxBytes: optional(Whole(1_048_576, 4_294_967_296)),
    gates: optional(Gates),
    hls: optional(
      Type.Boolean({
        description:
          "Whether its videos are made ready for HLS too, some time after they can be played; false by default",
      }),
    ),
  }),
  closed({ ...common, type: kindOf("text"), required, maxLength: optional(Whole(1, longestText)) }),
  closed({
    ...common,
    type: kindOf("number"),
    required,
    minimum: optional(Decimal),
    maximum: optional(Decimal),
  }),
  closed({
    ...common,
    type: kindOf("choice"),
    required,
    options: List(closed({ value: QuestionId, label: Line(200) }), 50, 2),
    multiple: optional(Type.Boolean()),
  }),
  closed({ ...common, type: kindOf("boolean"), required }),
  closed({ ...common, type: kindOf("date"), required }),
  closed({ ...common, type: kindOf("section") }),
];
export type Question = Static<(typeof variants)[number]>;

/**
 * One question of a template. A section only structures; every other type takes an answer. The type decides which of the
 * variants is meant, so that a fault is reported against that one.
 */
export const Question = Type.Unsafe<Question>({
  type: "object",
  discriminator: { propertyName: "type" },
  required: ["type"],
  oneOf: variants,
});

export const Questions = List(Question, 100, 1);

/** Stored questions as the contract has them: a build that knows more of questions may have stored more. */
export function questionsView(questions: readonly Question[]): Question[] {
  return questions.map((question) => {
    const variant = variants.find(({ properties }) => fault(properties.type, question.type) === undefined);
    if (variant === undefined) throw new TypeError("a stored question is of no known type");
    return Value.Clean(variant, structuredClone(question)) as Question;
  });
}

/** A draft of questions. What a survey asks is a published version of it, which never changes. */
export interface Template {
  readonly name: string;
  readonly questions: readonly Question[];
  /** Number of the latest published version; 0 before the first. */
  readonly publishedVersion: number;
  readonly publishedVersionId?: string;
  /** Hash of what was published last, to tell whether there is anything new. */
  readonly publishedHash?: string;
}

const gate = { action: gateActions, share: "technical" } as const;
const questionFields = {
  id: "handle",
  type: questionTypes,
  label: "freeText",
  guidance: "freeText",
  required: "technical",
  minSeconds: "technical",
  maxSeconds: "technical",
  maxBytes: "technical",
  hls: "technical",
  gates: { short: { action: gateActions, seconds: "technical" }, black: gate, silent: gate, frozen: gate },
  maxLength: "technical",
  minimum: "technical",
  maximum: "technical",
  options: { value: "handle", label: "freeText" },
  multiple: "technical",
} as const;

export const templateKind = defineKind<Template>("template", {
  schemaVersion: 1,
  fields: {
    name: "freeText",
    questions: questionFields,
    publishedVersion: "technical",
    publishedVersionId: "id",
    publishedHash: "fingerprint",
  },
  lists: [{ where: [], orderBy: "updatedAt", direction: "descending" }],
});

/** One published version: immutable, pinned by the surveys that ask it. */
export interface TemplateVersion {
  readonly templateId: string;
  readonly version: number;
  readonly name: string;
  readonly questions: readonly Question[];
}

export const templateVersionKind = defineKind<TemplateVersion>("templateVersion", {
  schemaVersion: 1,
  fields: { templateId: "id", version: "technical", name: "freeText", questions: questionFields },
});
