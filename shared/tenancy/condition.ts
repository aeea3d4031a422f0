/**
 * What must hold of the stored item for a patch to apply: a field, or a member of one (`consent.accepted`), equals a
 * value, is one of several, is at most a number, or is absent. Only closed words and finite numbers: the database takes
 * conditions as unparameterised text.
 */
export type Condition = Readonly<
  Record<
    string,
    string | number | boolean | readonly string[] | { readonly atMost: number } | { readonly absent: true }
  >
>;

/** The condition as the database reads it. Throws TypeError for whatever could be more than a word or a number. */
export function conditionText(condition: Condition): string {
  const terms = Object.entries(condition).map(([field, wanted]) => {
    if (!/^[a-zA-Z][a-zA-Z.]*$/u.test(field)) throw new TypeError("not a field name");
    // In brackets a field may have the name of a keyword, such as a counter's `value`.
    const path = `c${field
      .split(".")
      .map((name) => `["${name}"]`)
      .join("")}`;
    if (typeof wanted === "object" && "absent" in wanted) return `NOT IS_DEFINED(${path})`;
    if (typeof wanted === "object" && "atMost" in wanted) return `${path} <= ${literal(wanted.atMost)}`;
    if (typeof wanted === "object") return `${path} IN (${wanted.map(literal).join(", ")})`;
    return `${path} = ${literal(wanted)}`;
  });
  return `FROM c WHERE ${terms.join(" AND ")}`;
}

function literal(value: string | number | boolean): string {
  const fits = typeof value === "string" ? /^\w+$/u.test(value) : typeof value === "boolean" || Number.isFinite(value);
  if (!fits) throw new TypeError("a condition compares closed words and finite numbers only");
  return JSON.stringify(value);
}
