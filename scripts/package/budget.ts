import type { Contents } from "./contents.ts";
import { zipped } from "./zip.ts";

/** A cold start opens every file of the package, and reads all of the code. */
const budget = { files: 150, bytesWithoutTools: 2 * 1024 ** 2 };

const expected = [
  /^functions\/[a-z]+\/\w+\.js$/u,
  /^chunks\/[\w.-]+\.js$/u,
  /^(?:host|package|build|sbom\.cdx)\.json$/u,
  /^third-party-notices\.txt$/u,
  /^bin\/(?:ffmpeg|ffprobe|build\.json)$/u,
];

/** What is wrong with a package: a file that nobody expects there, too many, too much. Empty where nothing is. */
export function packageProblems(contents: Contents): readonly string[] {
  const paths = [...contents.keys()];
  const unexpected = paths.filter((path) => !expected.some((pattern) => pattern.test(path)));
  const code = new Map([...contents].filter(([path]) => !path.startsWith("bin/")));
  const { length: bytes } = zipped(code);
  return [
    ...unexpected.map((path) => `${path} is not to be in the package.`),
    ...Array.from(contents, ([path, { bytes: content }]) =>
      path.endsWith(".js") && Buffer.from(content).includes("sourceMappingURL")
        ? `${path} names a source map, which is not in the package.`
        : "",
    ).filter((problem) => problem !== ""),
    ...(paths.length > budget.files ? [`${paths.length} files are more than ${budget.files}.`] : []),
    ...(bytes > budget.bytesWithoutTools
      ? [`${bytes} bytes without the tools are more than ${budget.bytesWithoutTools}.`]
      : []),
  ];
}
