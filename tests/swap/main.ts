import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { simulateSwaps } from "./simulate.ts";
import { tableOf } from "./table.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(randomInt(1_000_000)) },
    swaps: { type: "string", default: "20" },
    videos: { type: "string", default: "200" },
    /** Seconds. */
    patience: { type: "string", default: "60" },
    /** Seconds that a lease on a video lasts, in both builds. */
    lease: { type: "string", default: "60" },
    /** The build that is gone back to cannot read what the next one has written; this has to fail. */
    fault: { type: "boolean", default: false },
  },
});

/** `npm run sim:swap`: exits with 1 where something was lost, done twice, left over or refused, and names it. */
const { seed, fault } = values;
const numbers = [values.swaps, values.videos, values.patience, values.lease].map(Number);
const [swaps = 0, videos = 0, patience = 0, leaseSeconds = 0] = numbers;
if (!numbers.every((number) => Number.isInteger(number) && number > 0)) {
  console.error("sim:swap takes --seed TEXT and whole numbers above 0 for --swaps, --videos, --patience and --lease.");
  process.exit(2);
}
console.log(`seed ${seed}: ${swaps} swaps while ${videos} videos are sent`);
const report = await simulateSwaps({
  ...{ seed, fault, swaps, videos, leaseSeconds, patienceMs: patience * 1000 },
  onProgress: console.log,
});
console.log(tableOf(report));
// Connections that the SDKs keep open would hold the process.
process.exit(report.violations.length === 0 ? 0 : 1);
