/**
 * The one JSON text of a value, to be hashed and signed: members in the order of their names' UTF-16 code units at every
 * level, no white space, numbers and texts as ECMAScript writes them (RFC 8785). The value is plain JSON, its texts whole.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(",")}}`;
}
