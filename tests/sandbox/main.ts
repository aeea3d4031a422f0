import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.ts";
import { prove } from "./prove.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: String(randomInt(1_000_000)) },
    surveys: { type: "string", default: "500" },
    kills: { type: "string", default: "8" },
    /** The app is built already, and others run it. */
    built: { type: "boolean", default: false },
  },
});

/** `npm run sandbox:proof`: exits with 1 where the copy is not as it must be, and says how. */
const { seed } = values;
const [surveys, kills] = [Number(values.surveys), Number(values.kills)];
if (![surveys, kills].every((count) => Number.isInteger(count) && count > 0)) {
  console.error("sandbox:proof takes --seed TEXT, and --surveys and --kills of each half, whole numbers above 0.");
  process.exit(2);
}
if (!values.built) await build({});
console.log(`seed ${seed}: a tenant with ${surveys} surveys`);
const { seconds, violations, ...figures } = await prove({ surveys, kills, seed, say: console.log });
console.table({ ...figures, "export (s)": Math.round(seconds.export), "import (s)": Math.round(seconds.import) });
for (const violation of violations) console.error(`✗ ${violation}`);
console.log(
  violations.length === 0 ? "nothing of anybody's arrived, and all that was to arrive did" : "NOT as it must be",
);
// Connections that the SDKs keep open would hold the process.
process.exit(violations.length === 0 ? 0 : 1);
