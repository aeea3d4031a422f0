import fc from "fast-check";
import { expect, test } from "vitest";
import { attachment, safeFileName } from "./download.ts";

test.each([
  ["audit 2026-11.csv", "audit-2026-11.csv"],
  ["../../etc/passwd", "etc-passwd"],
  ["C:\\films\\x.csv", "C-films-x.csv"],
  ['a"; filename="b.html', "a-filename-b.html"],
  ["a\r\nset-cookie: x", "a-set-cookie-x"],
  [".htaccess", "htaccess"],
  ["CON.csv", "_CON.csv"],
  ["gnp\u202etxt.exe", "gnp-txt.exe"],
  ["Übersicht.csv", "Übersicht.csv"],
  ["...", "file"],
])("a file called %j is saved as %s", (text, name) => {
  expect(safeFileName(text)).toBe(name);
});

test("whatever a file is called, its header is one plain token and one encoded name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      const [type, name = "", encoded, ...more] = attachment(text).split("; ");
      expect([type, more]).toEqual(["attachment", []]);
      expect(name).toMatch(/^filename="[\w.-]{1,121}"$/u);
      expect(encoded ?? "filename*=UTF-8''x").toMatch(/^filename\*=UTF-8''[\w.%-]+$/u);
    }),
  );
});
