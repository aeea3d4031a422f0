import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { saveHashed } from "../../shared/media/hash.ts";
import { identify } from "../../shared/media/identify.ts";
import { defaultLimits } from "../../shared/media/limits.ts";
import { prepare } from "../../shared/media/prepare.ts";
import { findTools } from "../../shared/media/tools.ts";
import { openSource } from "../../scripts/fileSource.ts";
import { cpuSeconds, residentBytes } from "./processTime.ts";

/**
 * A program: makes one recording ready in a folder as the worker does, without storage and database, and prints what
 * that cost from the first byte read. `node bench/video/work.ts FILE FOLDER`
 */
const [path = "", folder = ""] = process.argv.slice(2);
const tools = await findTools();
const before = cpuSeconds("self");
const memory = residentBytes("self");
const started = performance.now();
let peak = memory;
const watch = setInterval(() => (peak = Math.max(peak, residentBytes("self"))), 20);

await using source = await openSource(path);
const facts = await identify(source, defaultLimits);
const original = join(folder, "original");
await saveHashed(createReadStream(path, { highWaterMark: 256 * 1024 }), original, defaultLimits.maxBytes);
const workDir = join(folder, "made");
await mkdir(workDir);
const { video } = await prepare({ path: original, facts, workDir, limits: defaultLimits, tools });

clearInterval(watch);
const after = cpuSeconds("self");
console.log(
  JSON.stringify({
    method: video.method,
    wallSeconds: (performance.now() - started) / 1000,
    cpuSeconds: after.own + after.children - before.own - before.children,
    nodeSeconds: after.own - before.own,
    grownBytes: peak - memory,
  }),
);
