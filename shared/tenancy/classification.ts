/**
 * What a stored field may hold, and what becomes of it where data leaves production: a closed list. A field that holds
 * several of these has the one that says the most about a person.
 */
export const classifications = [
  /** An id of ours, or a text made of ids, such as the name of a blob. Some follow from who somebody is. */
  "id",
  /** Names a person or a company, or something by which either knows the matter: a name, a place, their own reference. */
  "personal",
  /** A short name that somebody gave something, to refer to it: a question of a template. So are the keys of a map. */
  "handle",
  "email",
  "phone",
  /** Whatever somebody typed. */
  "freeText",
  /** Opens something, or is the hash or the ciphertext of what does; an address that accepts calls. Never leaves. */
  "secret",
  /** What a file or text is recognised by without being told: a hash of it, its version, what it sounds and looks like. */
  "fingerprint",
  /** Bytes of a file that somebody made, and other quantities of how it reached us. */
  "size",
  /** Milliseconds of what somebody recorded. */
  "duration",
  /** When something happened, in somebody's life or in our work. */
  "time",
  /** Until when something may or should happen, as somebody set it: mostly at a full hour. */
  "deadline",
  /** A language, as a caller wrote it (BCP 47): there is room for more than a language in that. */
  "language",
  /** A figure, a yes or no, the number of a version, or a name that our own code gives. */
  "technical",
] as const;
/** Of a word that is one of few and tells nothing of anybody, its list. */
export type Classification = (typeof classifications)[number] | readonly string[];

export function isListOfWords(said: Classification | FieldClasses): said is readonly string[] {
  return Array.isArray(said);
}

type Scalar = string | number | boolean;
type WordOf<V> = (V extends readonly (infer Word)[] ? Word : V) & string;
type KeyOf<T> = T extends unknown ? keyof T & string : never;
type ValueAt<T, K> = T extends unknown ? (K extends keyof T ? NonNullable<T[K]> : never) : never;
type Shape<V> = [V] extends [Scalar | readonly Scalar[]]
  ? (typeof classifications)[number] | readonly WordOf<V>[]
  : [V] extends [readonly (infer Item)[]]
    ? Classified<Item>
    : Classified<V>;

/**
 * A classification for every field of a type, inner ones included: what has none does not compile, nor does a list with a
 * word that the field cannot have. Items of a list are classified as one. A map has the single entry `*` for whatever keys;
 * the fields of a union are those of all its members.
 */
export type Classified<T> =
  string extends KeyOf<T>
    ? { readonly "*": Shape<ValueAt<T, string>> }
    : { readonly [K in KeyOf<T>]-?: Shape<ValueAt<T, K>> };

/** The classifications of a type that is not known here. */
export interface FieldClasses {
  readonly [field: string]: Classification | FieldClasses;
}
