import { describe, expect, test } from "vitest";
import { milliseconds, resolveSetting } from "./settings.ts";

describe("host.json", () => {
  test.each([
    ["00:30:00", 1_800_000],
    ["00:00:00.5", 500],
    ["1.02:00:00", 93_600_000],
  ])("the time span %s is %i ms", (text, expected) => {
    expect(milliseconds(text)).toBe(expected);
  });

  test.each(["30", "00:30", "-00:00:01", "1:2:3:4"])("the time span %s is refused", (text) => {
    expect(() => milliseconds(text)).toThrow(text);
  });

  test("a trigger's %NAME% is the app setting", () => {
    expect(resolveSetting("a-%QUEUE%-b", { QUEUE: "mail" })).toBe("a-mail-b");
    expect(() => resolveSetting("%QUEUE%", {})).toThrow("QUEUE");
  });
});
