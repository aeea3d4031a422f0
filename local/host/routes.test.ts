import { describe, expect, test } from "vitest";
import { hides, matchRoute, parseRoute } from "./routes.ts";

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

  test.each([
    ["a/{id}", "a/list"],
    ["a/{id}", "A/{other:int}"],
    ["a/{id:int}", "a/{other:int}"],
    ["a/{id:alpha}", "a/list"],
    ["a/{*rest}", "a/b/{c}"],
    ["a/{id?}", "a"],
    ["{*rest}", ""],
  ])("%s hides %s", (wide, exact) => {
    expect(hides(parseRoute(wide), parseRoute(exact))).toBe(true);
  });

  test.each([
    ["a/list", "a/{id}"],
    ["a/{id:int}", "a/list"],
    ["a/{id:int}", "a/{id}"],
    ["a/{id}", "a/{id?}"],
    ["a/{id}", "a/{*rest}"],
    ["a/{id}/b", "a/{id}"],
    ["a", "b"],
  ])("%s does not hide %s", (wide, exact) => {
    expect(hides(parseRoute(wide), parseRoute(exact))).toBe(false);
  });
});
