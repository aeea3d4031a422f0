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

/** The cells of a file as a reader of RFC 4180 has them. */
function cells(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"(?:,|\r\n)/gu)].map(([, inner = ""]) => inner.replaceAll('""', '"'));
}

test("no text leaves its cell or begins as a formula, and each can be had back", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 5 }), (texts) => {
      const read = cells(
        csv(
          texts.map(() => "c"),
          [texts],
        ),
      ).slice(texts.length);
      expect(read.map((text, at) => (text === texts[at] ? text : text.replace(/^'/u, "")))).toEqual(texts);
      for (const text of read) expect(text).not.toMatch(/^[=+\-@\t\r]/u);
    }),
  );
});
