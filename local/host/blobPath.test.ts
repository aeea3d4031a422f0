import { describe, expect, test } from "vitest";
import { parseBlobPath } from "./blobPath.ts";

describe("a blob trigger path", () => {
  test.each([
    ["ingest/{tenantId}/{surveyId}/{videoId}.json", "t/s/v.json", { tenantId: "t", surveyId: "s", videoId: "v" }],
    ["ingest/{a}/{b}.json", "x/y/z.json", { a: "x/y", b: "z" }],
    ["ingest/in/{name}", "in/a/b", { name: "a/b" }],
    ["ingest", "any/thing", { name: "any/thing" }],
    ["ingest/fixed.json", "fixed.json", {}],
    ["ingest/{a}-{b}", "1-2-3", { a: "1-2", b: "3" }],
  ])("%s takes %s apart", (path, name, params) => {
    expect(parseBlobPath(path).match(name)).toEqual(params);
  });

  test.each([
    ["ingest/{a}/{b}.json", "x.json"],
    ["ingest/{a}/{b}.json", "x/y.txt"],
    ["ingest/in/{name}", "out/a"],
    ["ingest/fixed.json", "other.json"],
    ["ingest/x{a}/x", "x/x".slice(1)],
  ])("%s does not take %s", (path, name) => {
    expect(parseBlobPath(path).match(name)).toBeUndefined();
  });

  test("with a parameter as container is refused", () => {
    expect(() => parseBlobPath("{tenant}/x")).toThrow("container");
  });
});
