import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Recorded } from "./pretendAzure.ts";

// Stands in for the Azure CLI: answers each command as was recorded for it, notes it with what it was given by the
// environment, and refuses what nobody recorded. AZ_RECORD names the file of answers, AZ_CALLS that of calls.

const { AZ_RECORD: record = "", AZ_CALLS: calls = "", ...env } = process.env;
const args = process.argv.slice(2);
const line = args
  .filter((each, index) => !["--output", "--only-show-errors"].includes(each) && args[index - 1] !== "--output")
  .join(" ");
const given = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("CALLPILOT_")));
appendFileSync(calls, `${JSON.stringify({ line, given })}\n`);
const answers = JSON.parse(readFileSync(record, "utf8")) as (Omit<Recorded, "times"> & { times?: number })[];
const answer = answers.find(({ command, times }) => line.startsWith(command) && times !== 0);
if (answer?.times !== undefined) {
  answer.times -= 1;
  // Whole at every moment: others read it.
  writeFileSync(`${record}.${process.pid}`, JSON.stringify(answers));
  renameSync(`${record}.${process.pid}`, record);
}
if (answer === undefined) {
  console.error(`ERROR: nobody recorded an answer to: ${line}`);
  process.exitCode = 97;
} else if (answer.fails !== undefined) {
  console.error(`ERROR: ${answer.fails}`);
  process.exitCode = 1;
} else if (answer.says !== undefined) console.log(JSON.stringify(answer.says, null, 2));
