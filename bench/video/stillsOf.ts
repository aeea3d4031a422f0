import { availableParallelism } from "node:os";
import { inspect, measure, type Workshop } from "../../shared/media/inspect.ts";
import { defaultLimits } from "../../shared/media/limits.ts";
import { makeStoryboard } from "../../shared/media/stills.ts";
import { findTools } from "../../shared/media/tools.ts";
import { costOfChildren } from "./processTime.ts";

/** A program: makes the storyboard of a video and prints what that cost. `node bench/video/stillsOf.ts FILE FOLDER` */
const [path = "", workDir = ""] = process.argv.slice(2);
const processLimits = {
  cpuSeconds: 600,
  wallSeconds: 600,
  memoryBytes: 4 * 1024 ** 3,
  fileBytes: defaultLimits.maxBytes,
  openFiles: 256,
};
const tools = await findTools();
const shop: Workshop = { tools, workDir, limits: defaultLimits, processLimits, threads: availableParallelism() };
const streams = await inspect(path, "mov", shop);
const { durationMs, picturesEndMs } = await measure(path, "mov", streams, shop);
const { displayWidth: width, displayHeight: height } = streams.video;
const cost = await costOfChildren(async () => {
  await makeStoryboard({ path, durationMs, picturesEndMs, width, height }, shop, () => undefined);
});
console.log(JSON.stringify(cost));
