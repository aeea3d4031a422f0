import { describe, expect, it } from "vitest";
import { Line, Text } from "./schema.ts";
import { fault } from "./validator.ts";

describe("a line of text", () => {
  it.each(["Gerda Müller", "مريم", "שרה", "山田 花子", "👩‍👩‍👧", "a\u00a0b"])("can be in any script: %s", (text) => {
    expect(fault(Line(50), text)).toBeUndefined();
  });

  it.each(["two\nlines", "a\tb", "nul\u0000", "\u2028", "\u202egpj.exe", "\u2066hidden\u2069", ""])(
    "has no control characters, and none that turn its direction: %j",
    (text) => {
      expect(fault(Line(50), text)).toBeDefined();
    },
  );
});

describe("text of several lines", () => {
  it("may be empty, broken and indented, and holds no other control characters", () => {
    for (const text of ["", "one\n\ttwo"]) expect(fault(Text(50), text)).toBeUndefined();
    for (const text of ["\u0007", "a\rb", "x".repeat(51)]) expect(fault(Text(50), text)).toBeDefined();
  });
});
