import { describe, expect, it } from "vitest";
import { isProblem } from "../web/problem.ts";
import { entityTag, matchesNone, storedVersion } from "./entityTag.ts";

const stored = '"0000d826-0000-0700-0000-686e5d0a0000"';
const codeOf = (header: string): string => {
  try {
    return storedVersion(header);
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
};

it("gives back the stored version, and changes with what is shown", () => {
  const tag = entityTag(stored, "{}");
  expect(storedVersion(tag)).toBe(stored);
  expect(tag).toMatch(/^"[\w.-]+"$/u);
  expect(entityTag(stored, "{ }")).not.toBe(tag);
  expect(storedVersion(entityTag(stored, "{ }"))).toBe(stored);
});

describe("If-Match", () => {
  it.each([stored, '"x"', '""', 'W/"x.y"', '"a b.c"', `"x.${"y".repeat(12)}"`])(
    "of no version is stale: %s",
    (header) => {
      expect(codeOf(header)).toBe("stale");
    },
  );
  it("is compared strongly: a weak tag is stale", () => {
    expect(codeOf(`W/${entityTag(stored, "{}")}`)).toBe("stale");
  });
  it.each(["*", "", "x", '"a", "b"', '"', '"a"b"', `"${"a".repeat(300)}"`, '"a"\n'])(
    "that is no tag is invalid: %j",
    (header) => {
      expect(codeOf(header)).toBe("invalid_precondition");
    },
  );
});

describe("If-None-Match", () => {
  const tag = entityTag(stored, "{}");
  it.each([tag, `W/${tag}`, `"other", ${tag}`, "*", ` ${tag} `])("names the tag: %s", (header) => {
    expect(matchesNone(header, tag)).toBe(true);
  });
  it.each(["", '"other"', tag.slice(1, -1), `${tag}x`, stored])("does not: %j", (header) => {
    expect(matchesNone(header, tag)).toBe(false);
  });
});
