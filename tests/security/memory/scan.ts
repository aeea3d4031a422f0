import { build } from "../../../scripts/build.ts";
import { scanRunningApp } from "./runningApp.ts";
import { tableOf } from "./table.ts";

/** `npm run scan:memory`: prints which secrets are where in the memory of the running app. */
await build({});
console.log(tableOf(await scanRunningApp()));
process.exit(0);
