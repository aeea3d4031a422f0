import { encode } from "html-entities";

/** Markup that is safe to send: made by {@link html} only. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
  toString(): string {
    return this.markup;
  }
}

type Value = string | number | Html | readonly Html[] | undefined;

/**
 * The one way to make HTML: every value is escaped for text and quoted attributes unless it is {@link Html} itself.
 * `undefined` gives nothing.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.reduce((markup, part, index) => markup + render(values[index - 1]) + part));
}

function render(value: Value): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.markup;
  if (typeof value === "object") return value.map((each) => each.markup).join("");
  return encode(String(value), { mode: "specialChars", level: "html5" });
}
