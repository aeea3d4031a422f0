import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { unzipSync } from "fflate";
import { packageProblems } from "./budget.ts";
import type { Contents } from "./contents.ts";
import { zipped } from "./zip.ts";

const file = (text: string | Buffer = "x") => ({ bytes: Buffer.from(text) });
const small: Contents = new Map<string, { bytes: Buffer; executable?: true }>([
  ["host.json", file("{}")],
  ["functions/videos/getVideo.js", file("export {};")],
  ["bin/ffmpeg", { ...file("tool"), executable: true }],
]);

test("the same contents are the same bytes, in whatever order they came", () => {
  const once = zipped(small);
  expect(zipped(new Map([...small].toReversed()))).toEqual(once);
  expect(zipped(new Map([...small, ["host.json", file("{ }")]]))).not.toEqual(once);
});

test("a zip gives back what went in, sorted, with the mode of each file", () => {
  const zip = zipped(small);
  const found = unzipSync(zip);
  expect(Object.keys(found)).toEqual(["bin/ffmpeg", "functions/videos/getVideo.js", "host.json"]);
  for (const [path, { bytes }] of small) expect(Buffer.from(found[path] ?? []).equals(bytes)).toBe(true);
  expect(modesOf(zip)).toEqual([0o100_755, 0o100_644, 0o100_644]);
});

/** From the central directory (APPNOTE.TXT 4.3.12): signature, and the external attributes 38 bytes behind its start. */
function modesOf(zip: Uint8Array): number[] {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const entries = Array.from({ length: zip.length - 46 }, (_, at) => at).filter(
    (at) => view.getUint32(at, true) === 0x02_01_4b_50,
  );
  return entries.map((at) => view.getUint16(at + 40, true));
}

test("a package within its budget has no problem", () => {
  expect(packageProblems(small)).toEqual([]);
});

test.each([
  ["node_modules/ajv/index.js", file(), "node_modules/ajv/index.js is not to be in the package."],
  ["functions/videos/getVideo.test.js", file(), "functions/videos/getVideo.test.js is not to be in the package."],
  ["local.settings.json", file(), "local.settings.json is not to be in the package."],
  ["chunks/app.js.map", file(), "chunks/app.js.map is not to be in the package."],
  [
    "chunks/app.js",
    file("//# sourceMappingURL=app.js.map"),
    "chunks/app.js names a source map, which is not in the package.",
  ],
])("%s is told", (path, content, problem) => {
  expect(packageProblems(new Map([...small, [path, content]]))).toEqual([problem]);
});

test("too many files and too much code are told, and the tools do not count as code", () => {
  const many = Array.from({ length: 150 }, (_, index) => [`chunks/c${index}.js`, file()] as const);
  expect(packageProblems(new Map([...small, ...many]))).toEqual(["153 files are more than 150."]);
  const noise = randomBytes(3 * 1024 ** 2);
  expect(packageProblems(new Map([...small, ["chunks/app.js", file(noise)]]))).toEqual([
    expect.stringMatching(/^\d+ bytes without the tools are more than 2097152\.$/u),
  ]);
  expect(packageProblems(new Map([...small, ["bin/ffprobe", file(noise)]]))).toEqual([]);
});
