import { createHash } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { packageProblems } from "./package/budget.ts";
import { buildInfo } from "./buildInfo.ts";
import { contents, toolsAreBuilt } from "./package/contents.ts";
import { zipped } from "./package/zip.ts";

const usage = `Makes the deployment package of the commit that is checked out: the same bytes, whoever makes it and when.

  npm run package [-- --without-ffmpeg] [--dirty]

  package/callpilot.zip            what both Function Apps run
  package/callpilot.zip.sha256     its SHA-256, for sha256sum --check
  package/app/                     what was bundled, with the source maps that read a stack trace

  --without-ffmpeg   leave out what \`npm run ffmpeg\` built; the app then needs FFMPEG_PATH and FFPROBE_PATH
  --dirty            allow files that differ from the commit; build.json says so`;

const folder = join(import.meta.dirname, "..", "package");

try {
  await main();
} catch (error) {
  console.error(`package: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "without-ffmpeg": { type: "boolean", default: false },
      dirty: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const withTools = !values["without-ffmpeg"];
  const info = await buildInfo();
  if (info.dirty === true && !values.dirty)
    throw new Error("files differ from the commit: commit them, or say --dirty.");
  if (withTools && !(await toolsAreBuilt()))
    throw new Error("ffmpeg is not built: run `npm run ffmpeg`, or say --without-ffmpeg.");
  await rm(folder, { recursive: true, force: true });
  const app = join(folder, "app");
  const { sources } = await build({ outdir: app, forPackage: true });
  const found = await contents({ app, sources }, info, { withTools });
  const problems = packageProblems(found);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const zip = zipped(found);
  const sha256 = createHash("sha256").update(zip).digest("hex");
  await mkdir(folder, { recursive: true });
  const draft = join(folder, "draft.zip");
  await writeFile(draft, zip);
  await writeFile(join(folder, "callpilot.zip.sha256"), `${sha256}  callpilot.zip\n`);
  await rename(draft, join(folder, "callpilot.zip"));
  console.log(
    `package/callpilot.zip: ${(zip.length / 1e6).toFixed(2)} MB, ${found.size} files, commit ${info.commit.slice(0, 12)}`,
  );
  console.log(`SHA-256 ${sha256}`);
}
