import { randomInt } from "node:crypto";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.ts";
import { simulate } from "./simulate.ts";
import { tableOf } from "./table.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(randomInt(1_000_000)) },
    kills: { type: "string", default: "200" },
    videos: { type: "string", default: "400" },
    /** Seconds without progress after which what is not done is taken for lost. */
    patience: { type: "string", default: "30" },
    /** Folder of an app that is built already. */
    app: { type: "string" },
  },
});

/** `npm run sim:crash`: exits with 1 where something was lost, done twice or left over, and names it. */
if (values.app === undefined) await build({});
const { seed } = values;
const [kills, videos] = [Number(values.kills), Number(values.videos)];
console.log(`seed ${seed}: ${kills} kills while ${videos} videos are sent`);
const report = await simulate({
  seed,
  kills,
  videos,
  patienceMs: Number(values.patience) * 1000,
  appDir: resolve(values.app ?? "."),
  onProgress: console.log,
});
console.log(tableOf(report));
// Connections that the SDKs keep open would hold the process.
process.exit(report.violations.length === 0 ? 0 : 1);
