import { describe, expect, it } from "vitest";
import { factKind } from "./fact.ts";
import { compositeIndexes, declaredList, defineKind } from "./kind.ts";
import { leaseKind } from "./lease.ts";
import { reservationKind } from "./reservation.ts";
import { idempotencyKind } from "./scope.ts";

interface Note {
  readonly color: string;
  readonly rank: string;
}
const fields = { color: "freeText", rank: "freeText" } as const;
const noteKind = defineKind<Note>("note", {
  schemaVersion: 1,
  fields,
  lists: [
    { where: ["color", "rank"], orderBy: "createdAt", direction: "descending" },
    { where: [], orderBy: "rank", direction: "ascending" },
  ],
});

describe("a kind", () => {
  it("has no lists unless it declares some", () => {
    const memo = defineKind("memo", { schemaVersion: 2, fields: {} });
    expect(memo).toEqual({ name: "memo", schemaVersion: 2, fields: {}, lists: [] });
  });

  it("of ours keeps the name under which the database has its items", () => {
    const names = [factKind, idempotencyKind, leaseKind, reservationKind].map(({ name, schemaVersion }) => [
      name,
      schemaVersion,
    ]);
    expect(names).toEqual([
      ["fact", 1],
      ["idempotency", 1],
      ["lease", 1],
      ["reservation", 1],
    ]);
    expect(factKind.lists).toEqual([{ where: [], orderBy: "createdAt", direction: "ascending" }]);
  });
});

describe("a declared list", () => {
  it("is found by its filters in whatever order, and its sort", () => {
    const [both, none] = noteKind.lists;
    expect(declaredList(noteKind, ["color", "rank"], "createdAt")).toBe(both);
    expect(declaredList(noteKind, ["rank", "color"], "createdAt")).toBe(both);
    expect(declaredList(noteKind, [], "rank")).toBe(none);
    const turned = defineKind<Note>("note", {
      schemaVersion: 1,
      fields,
      lists: [{ where: ["rank", "color"], orderBy: "createdAt", direction: "ascending" }],
    });
    expect(declaredList(turned, ["color", "rank"], "createdAt")).toBe(turned.lists[0]);
  });

  it.each([
    [["color"], "createdAt"],
    [["color", "rank", "rank"], "createdAt"],
    [["color", "rank"], "rank"],
    [[], "createdAt"],
  ])("is none for %j by %s", (where, orderBy) => {
    expect(declaredList(noteKind, where, orderBy)).toBeUndefined();
  });
});

it("indexes each declared list once: the kind, its filters, its sort, the id", () => {
  const twin = defineKind<Note>("twin", { schemaVersion: 1, fields, lists: noteKind.lists });
  expect(compositeIndexes([noteKind, twin])).toEqual([
    [
      { path: "/kind", order: "ascending" },
      { path: "/color", order: "ascending" },
      { path: "/rank", order: "ascending" },
      { path: "/createdAt", order: "descending" },
      { path: "/id", order: "descending" },
    ],
    [
      { path: "/kind", order: "ascending" },
      { path: "/rank", order: "ascending" },
      { path: "/id", order: "ascending" },
    ],
  ]);
});
