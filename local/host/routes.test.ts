import { describe, expect, test } from "vitest";
import { compareRoutes, matchRoute, parseRoute, shapeOf } from "./routes.ts";

describe("a route template", () => {
  test.each([
    ["surveys", "/surveys", {}],
    ["surveys", "/Surveys/", {}],
    ["surveys/{id}", "/surveys/a%20b", { id: "a b" }],
    ["surveys/{id}", "/surveys/a%2Fb", { id: "a%2Fb" }],
    ["surveys/{id}/{part?}", "/surveys/1", { id: "1" }],
    ["surveys/{id}/{part?}", "/surveys/1/2", { id: "1", part: "2" }],
    ["files/{*path}", "/files/a/b/c", { path: "a/b/c" }],
    ["files/{**path}", "/files", {}],
    ["n/{n:int}", "/n/-12", { n: "-12" }],
    ["n/{n:int:min(5)}", "/n/5", { n: "5" }],
    ["n/{n:range(1,3)}", "/n/3", { n: "3" }],
    ["g/{g:guid}", "/g/0f8fad5b-d9cb-469f-a165-70867728950e", { g: "0f8fad5b-d9cb-469f-a165-70867728950e" }],
    ["a/{a:alpha:length(2)}", "/a/xY", { a: "xY" }],
    ["o/{o:int?}", "/o", {}],
    ["", "/", {}],
  ])("%s matches %s", (template, path, params) => {
    expect(matchRoute(parseRoute(template), path)).toEqual(params);
  });

  test.each([
    ["surveys", "/surveys/1"],
    ["surveys/{id}", "/surveys"],
    ["surveys/{id}", "/surveys//"],
    ["surveys/{id}", "/surveys/1/2"],
    ["n/{n:int}", "/n/1.5"],
    ["n/{n:int}", "/n/2147483648"],
    ["n/{n:int:min(5)}", "/n/4"],
    ["g/{g:guid}", "/g/0f8fad5b"],
    ["a/{a:maxlength(2)}", "/a/abc"],
    ["o/{o:int?}", "/o/x"],
  ])("%s does not match %s", (template, path) => {
    expect(matchRoute(parseRoute(template), path)).toBeUndefined();
  });

  test.each(["a/{b}.json", "a/{b", "{b:regex(^a$)}", "{b?}/c", "{*b}/c", "{b:min}", "{}"])(
    "%s is refused",
    (template) => {
      expect(() => parseRoute(template)).toThrow("Route");
    },
  );

  test("loses to one that is more exact", () => {
    const templates = ["a/{*rest}", "a/{id}", "a/{id:int}", "a/list"];
    const sorted = templates.map(parseRoute).sort(compareRoutes);
    expect(sorted.map(({ template }) => template)).toEqual(templates.toReversed());
  });

  test("has the shape of another that differs in names only", () => {
    expect(shapeOf(parseRoute("A/{id:int}/{x?}"))).toBe(shapeOf(parseRoute("a/{other:int}/{y?}")));
    expect(shapeOf(parseRoute("a/{id:int}"))).not.toBe(shapeOf(parseRoute("a/{id}")));
  });
});
