import { isDeepStrictEqual } from "node:util";
import type { Classified, FieldClasses } from "./classification.ts";

/** What every stored item has beside the fields of its kind. Times are RFC 3339 in UTC with milliseconds. */
export interface Stored {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Version of the item, as HTTP's ETag has it: with its quotes. */
  readonly etag: string;
}
export type Entity<T> = Readonly<T> & Stored;

/** A list that a kind can be read as: equality filters, in the order of the composite index, then one sort field. */
export interface ListShape<T> {
  readonly where: readonly (keyof T & string)[];
  readonly orderBy: (keyof T & string) | "createdAt" | "updatedAt";
  readonly direction: "ascending" | "descending";
}

/** How items of a kind are stored: their name in the database and the version of their shape. */
export interface StoredShape<T extends object> {
  readonly name: string;
  readonly schemaVersion: number;
  /** What its fields hold. */
  readonly fields: FieldClasses;
  /** How long the database keeps an item after its last change; for ever where absent. */
  readonly ttlSeconds?: number;
  /** Makes the fields of version N-1 into those of version N: both builds of a slot swap read the same items. */
  readonly upgrade?: (previous: Record<string, unknown>) => T;
}

/** A kind of item, with the lists that its indexes carry. */
export interface Kind<T extends object> extends StoredShape<T> {
  readonly lists: readonly ListShape<T>[];
}

export function defineKind<T extends object>(
  name: string,
  {
    lists = [],
    ...shape
  }: Omit<StoredShape<T>, "name"> & { readonly fields: Classified<T> } & Partial<Pick<Kind<T>, "lists">>,
): Kind<T> {
  return { name, lists, ...shape };
}

/** The declared list with exactly these filters and this sort, or undefined: what is not declared is not indexed. */
export function declaredList<T extends object>(
  kind: Kind<T>,
  where: readonly string[],
  orderBy: string,
): ListShape<T> | undefined {
  const wanted = [...where].sort();
  return kind.lists.find((list) => list.orderBy === orderBy && isDeepStrictEqual([...list.where].sort(), wanted));
}

/** A kind of whatever fields. */
export interface ListedKind extends StoredShape<object> {
  readonly lists: readonly {
    readonly where: readonly string[];
    readonly orderBy: string;
    readonly direction: "ascending" | "descending";
  }[];
}

export interface IndexPath {
  readonly path: string;
  readonly order: "ascending" | "descending";
}

/** The composite index behind each declared list: the kind, its equality filters, the sort field, the id. */
export function compositeIndexes(kinds: readonly ListedKind[]): IndexPath[][] {
  const indexes = kinds.flatMap((kind) =>
    kind.lists.map((list): IndexPath[] => [
      { path: "/kind", order: "ascending" },
      ...list.where.map((field): IndexPath => ({ path: `/${field}`, order: "ascending" })),
      { path: `/${list.orderBy}`, order: list.direction },
      { path: "/id", order: list.direction },
    ]),
  );
  return indexes.filter((index, at) => indexes.findIndex((other) => isDeepStrictEqual(other, index)) === at);
}
