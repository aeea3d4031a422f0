import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take half a minute or more, the longest first. */
const longest = [
  "tests/faults/uploads.test.ts",
  "tests/certify/certify.test.ts",
  "tests/swap/swap.test.ts",
  "tests/crash/crash.test.ts",
  "tests/local/start.test.ts",
  "tests/media/devices.test.ts",
  "tests/faults/gate.test.ts",
  "tests/demo/demo.test.ts",
  "tests/faults/analysis.test.ts",
];

/**
 * Starts the longest files first: on a fresh clone nothing is known of how long files take, and one that starts last is
 * waited for alone.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const place = longest.findIndex((file) => moduleId.endsWith(`/${file}`));
  return place === -1 ? longest.length : place;
}
