import { resolve } from "node:path";
import { RestError } from "@azure/storage-blob";
import { MissingTool, findTools } from "../../shared/media/tools.ts";
import { provideTools } from "../ffmpeg.ts";
import { LocalError } from "../service.ts";
import { type Outcome, mainJob } from "./journey.ts";
import { type DemoOptions, help, parseOptions } from "./options.ts";
import { type Recording, recording } from "./recording.ts";
import { runningStack } from "./runningStack.ts";
import { claimTable, dim, heading, mark, print, printText, say } from "./screen.ts";

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) print(help);
  else if (!(await demo(options))) process.exitCode = 1;
} catch (error) {
  print();
  console.error(`callpilot: ${sentence(error)}`);
  process.exitCode = 1;
}

/** Whether all of it is true. */
async function demo(options: DemoOptions): Promise<boolean> {
  const started = performance.now();
  await provideTools();
  const { ffprobe } = await findTools();
  const file = await recording(options.video);
  print(`\n${heading("Callpilot: the main job over HTTP")}\n`);
  const dataDir = resolve(options.data);
  await using stack = await runningStack(dataDir, () => {
    say("stack", "none is running: booting one …");
  });
  say("stack", `${stack.apiUrl} is ready`);
  const outcome = await mainJob({ stack, file, ffprobe, breaks: options.break });
  show(outcome, { file, ms: performance.now() - started, stays: stack.stays });
  return outcome.rejection === undefined && outcome.claims.every(({ holds }) => holds);
}

function show(
  { claims, rejection, played }: Outcome,
  { file, ms, stays }: { readonly file: Recording; readonly ms: number; readonly stays: boolean },
): void {
  print(`\n${claimTable(claims, ms)}\n`);
  if (rejection !== undefined) {
    print(`  ${mark(false)} ${heading(`The video was refused: ${rejection.code}`)}`);
    printText(rejection.remedy);
    printText(rejection.goesOn);
    print(`    ${rejection.link}\n`);
  }
  print(`  ${dim("sha256 of the guest's file")}  ${file.sha256}`);
  if (played !== undefined) print(`  ${dim("sha256 of the playable")}      ${played.sha256}`);
  if (played !== undefined && stays) print(`  ${dim("play it, for 15 minutes")}     ${played.url}`);
  print();
}

/** What went wrong and what to do about it. Throws what is a fault of this program. */
function sentence(error: unknown): string {
  if (error instanceof LocalError || error instanceof MissingTool) return error.message;
  if (isSilence(error))
    return "The stack stopped answering: start it with npm start, then run the demo again; what was sent so far is kept.";
  throw error;
}

/** fetch's and the storage client's ways to say that there was no answer. */
function isSilence(error: unknown): boolean {
  if (error instanceof RestError) return error.statusCode === undefined;
  return (error instanceof TypeError && error.cause instanceof Error) || isTimeout(error);
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}
