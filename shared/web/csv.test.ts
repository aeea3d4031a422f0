import fc from "fast-check";
import { expect, test } from "vitest";
import { csv } from "./csv.ts";

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1+1", '=cmd|" /C calc"!A0'])(
  "a spreadsheet does not calculate %j",
  (text) => {
    expect(csv(["a"], [[text]])).toBe(`"a"\r\n"'${text.replaceAll('"', '""')}"\r\n`);
  },
);

test("other texts, numbers and what is absent stay as they are", () => {
  expect(csv(["text", "number", "none"], [['say "hi", you', -5, undefined]])).toBe(
    '"text","number","none"\r\n"say ""hi"", you",-5,\r\n',
  );
});

test("no text leaves its cell or begins as a formula, and each can be had back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const file = csv(["c"], [[text]]);
      expect([file.slice(0, 6), file.slice(-3)]).toEqual(['"c"\r\n"', '"\r\n']);
      const cell = file.slice(6, -3);
      const read = cell.replaceAll('""', '"');
      expect(read === text || read === `'${text}`).toBe(true);
      expect(cell.replaceAll('""', "")).not.toContain('"');
      expect(read).not.toMatch(/^[=+\-@\t\r]/u);
    }),
  );
});
