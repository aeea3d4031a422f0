import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadOperations } from "./openapi/loadOperations.ts";
import { openApiDocument } from "./openapi/document.ts";

const file = join(import.meta.dirname, "..", "docs", "openapi.json");

/** Writes docs/openapi.json from the contracts that the functions enforce; with `--check` only tells whether it differs. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
  const { operations, schemaNames } = loadOperations();
  const text = `${JSON.stringify(openApiDocument(operations, schemaNames), null, 2)}\n`;
  if (!values.check) {
    await writeFile(file, text);
    console.log(`docs/openapi.json: ${operations.length} operations`);
  } else if ((await readFile(file, "utf8")) !== text) {
    console.error(
      "docs/openapi.json is not what the contracts say: run node scripts/openapi.ts and commit the result.",
    );
    process.exitCode = 1;
  }
}

await main();
