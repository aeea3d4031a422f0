import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { caFile, trust } from "./certificates.ts";
import { type StackAddresses, signIn } from "./client.ts";
import { UsageError, commandOptions } from "./options.ts";
import type { SeededTenant } from "./seed.ts";
import { LocalError } from "./service.ts";

try {
  console.log(await token());
} catch (error) {
  if (!(error instanceof LocalError)) throw error;
  console.error(`callpilot: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function token(): Promise<string> {
  const { email, tenant, data } = commandOptions(
    {
      options: { email: { type: "string" }, tenant: { type: "string" }, data: { type: "string", default: ".local" } },
    },
    "npm run token takes --email ADDRESS, --tenant ID and --data FOLDER.",
  );
  if (email === undefined)
    throw new UsageError("Say whose token: npm run --silent token -- --email owner@northwind.localhost");
  const stack = await runningStack(data);
  trust(await readFile(caFile(join(data, "certificates")), "utf8"));
  const home = stack.tenants.find(({ members }) => members.some((member) => member.email === email));
  try {
    return await signIn(stack, email, tenant ?? home?.id);
  } catch (error) {
    if (error instanceof TypeError) throw new LocalError("The local issuer does not answer: is npm start running?");
    throw error;
  }
}

async function runningStack(dataDir: string): Promise<StackAddresses & { readonly tenants: readonly SeededTenant[] }> {
  try {
    const text = await readFile(join(dataDir, "stack.json"), "utf8");
    return JSON.parse(text) as StackAddresses & { tenants: SeededTenant[] };
  } catch {
    throw new LocalError(`There is no ${join(dataDir, "stack.json")}: run npm start first.`);
  }
}
