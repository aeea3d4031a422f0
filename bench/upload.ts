import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runApp } from "../local/host/testing/app.ts";
import { build } from "../scripts/build.ts";
import { appSettings, startStackApart } from "../tests/support/stackApart.ts";
import { useStack } from "../tests/support/stackUnderTest.ts";
import { newSurvey, newTenant } from "../tests/support/tenant.ts";
import { measureUploads } from "./measureUploads.ts";

const { values } = parseArgs({ options: { gb: { type: "string", default: "2" } } });

/** What uploads cost the function process, which sees grants and completions only: the bytes go to the storage. */
await build({});
const dataDir = await mkdtemp(join(tmpdir(), "callpilot-bench-"));
const { stack, app } = await startStackApart(dataDir, []);
try {
  useStack({ ...stack, operator: { email: stack.operatorEmail }, dataDir });
  const tenant = await newTenant();
  const guests = [];
  for (let count = 0; count < 50; count++) guests.push((await newSurvey(tenant)).guest);
  // From here on only what answers requests, as in Azure's api app: what follows an upload is the worker's.
  await app.stop();
  const others = app.functions.filter(({ trigger }) => trigger !== "httpTrigger");
  const off = Object.fromEntries(others.map(({ name }) => [`AzureWebJobs.${name}.Disabled`, "true"]));
  const options = { appDir: process.cwd(), ca: stack.caFile, port: Number(new URL(stack.apiUrl).port) };
  const api = await runApp(options, { ...appSettings(), ...off });
  try {
    await measureUploads({ api, apiUrl: stack.apiUrl, guests, bytes: Number(values.gb) * 1e9 });
  } finally {
    await api.stop();
  }
} finally {
  await stack[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
}
process.exit(0);
