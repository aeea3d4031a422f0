import fc from "fast-check";
import { expect, test } from "vitest";
import { attachment, safeFileName } from "./download.ts";

test.each([
  ["audit 2026-11.csv", "audit-2026-11.csv"],
  ["../../etc/passwd", "etc-passwd"],
  ["C:\\temp\\x.csv", "C-temp-x.csv"],
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
      expect(attachment(text)).toMatch(
        /^attachment; filename="[\w.-]{1,120}"(?:; filename\*=UTF-8''(?:[\w.-]|%[\dA-F]{2})+)?$/u,
      );
    }),
  );
});
