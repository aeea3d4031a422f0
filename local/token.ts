import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { caFile, trust } from "./certificates.ts";
import { type StackAddresses, signIn } from "./client.ts";
import type { SeededTenant } from "./seed.ts";
import { LocalError } from "./service.ts";

const { values } = parseArgs({
  options: { email: { type: "string" }, tenant: { type: "string" }, data: { type: "string", default: ".local" } },
});

try {
  console.log(await token());
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  console.error(`callpilot: ${error.message}`);
  process.exitCode = 1;
}

async function token(): Promise<string> {
  if (values.email === undefined)
    throw new LocalError("Say whose token: npm run --silent token -- --email owner@northwind.localhost");
  const stack = await runningStack();
  trust(await readFile(caFile(join(values.data, "certificates")), "utf8"));
  const home = stack.tenants.find(({ members }) => members.some(({ email }) => email === values.email));
  try {
    return await signIn(stack, values.email, values.tenant ?? home?.id);
  } catch (error) {
    if (error instanceof TypeError) throw new LocalError("The local issuer does not answer: is npm start running?");
    throw error;
  }
}

async function runningStack(): Promise<StackAddresses & { readonly tenants: readonly SeededTenant[] }> {
  try {
    const text = await readFile(join(values.data, "stack.json"), "utf8");
    return JSON.parse(text) as StackAddresses & { tenants: SeededTenant[] };
  } catch {
    throw new LocalError(`There is no ${join(values.data, "stack.json")}: run npm start first.`);
  }
}
