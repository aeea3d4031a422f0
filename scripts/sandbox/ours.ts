import { kinds } from "../../shared/kinds.ts";
import { type FieldClasses, isListOfWords } from "../../shared/tenancy/classification.ts";
import { finishes } from "./plan.ts";
import { standIns } from "./pseudonyms.ts";
import { ofEveryItem } from "./redact.ts";

/** Texts that a copy has whosever it is: what stands for what was replaced, names of fields, and words of closed lists. */
export const ours: readonly string[] = [
  ...standIns,
  ...finishes,
  ...ofEveryItem,
  ...kinds.flatMap(({ name, fields }) => [name, ...wordsIn(fields)]),
];

function wordsIn(fields: FieldClasses): readonly string[] {
  return Object.entries(fields).flatMap(([name, said]) => {
    if (typeof said === "string") return [name];
    return [name, ...(isListOfWords(said) ? said : wordsIn(said))];
  });
}
