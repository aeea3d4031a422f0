import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { ulid } from "ulid";
import { UsageError, commandOptions } from "../local/options.ts";
import { config } from "../shared/config.ts";
import { admit } from "../shared/tenancy/admit.ts";
import { openBoundary } from "../shared/tenancy/boundary.ts";
import { isTenantId, platformTenantId } from "../shared/tenancy/ids.ts";
import { openScope } from "../shared/tenancy/openScope.ts";
import type { TenantScope } from "../shared/tenancy/scope.ts";
import { Leaked, exportTenant } from "./sandbox/export.ts";
import { importCopy } from "./sandbox/import.ts";
import { Unclassified } from "./sandbox/redact.ts";

const usage = `Copies a tenant into a sandbox, with nothing in it of the people whose it was. In two halves, which share no identity:

  npm run sandbox -- --from production --to https://ACCOUNT.blob.core.windows.net/drop --tenant TENANT
      inside production: redacts what the tenant has, searches it for leaks, and hands it over in the drop

  npm run sandbox -- --from https://ACCOUNT.blob.core.windows.net/drop --to sandbox --tenant TENANT
      in the sandbox: fills that tenant, made there in the usual way, with the newest copy and with placeholder videos

  --settings FILE      the worker app's settings, NAME=value in lines; those of the environment unless given
  --new-pseudonyms NAME
                       from now on with another key, made once for that name, as of a run: no pseudonym of a later copy is
                       one of an earlier copy
  --copy FOLDER        another copy than the newest

A run that was interrupted goes on when it is started again. Exit codes: 1 failed, 2 wrong use, 3 refused to let something
out: a field that nobody classified, or a leak.`;

try {
  await main();
} catch (error) {
  console.error(`sandbox: ${(error as Error).message}`);
  process.exitCode = exitCodeOf(error);
}

async function main(): Promise<void> {
  const { help, from, to, tenant, settings, copy, "new-pseudonyms": newPseudonyms } = options();
  if (help) {
    console.log(usage);
    return;
  }
  if (from === undefined || to === undefined || tenant === undefined)
    throw new UsageError("--from, --to and --tenant are needed: npm run sandbox -- --help");
  if (!isTenantId(tenant) || tenant === platformTenantId) throw new UsageError("--tenant is no id of a tenant");
  if (isAddress(from) === isAddress(to))
    throw new UsageError("one of --from and --to is an environment, the other the https address of the drop");
  if (settings !== undefined) load(settings);
  const say = (line: string) => {
    console.log(line);
  };
  if (isAddress(to)) {
    demandEnvironment(from);
    const { folder, report } = await forTenant(tenant, (scope) => exportTenant(scope, { to, newPseudonyms, say }));
    say(JSON.stringify(report, null, 2));
    say(`the copy is whole: ${folder}`);
    return;
  }
  demandEnvironment(to);
  if (to !== "sandbox" && to !== "local") throw new UsageError("a copy goes into the environment sandbox");
  const report = await forTenant(tenant, (scope) => importCopy(scope, { from, copy, say }));
  say(`${tenant} is filled with a copy of ${report.startedAt}`);
  say(JSON.stringify(report, null, 2));
}

function options() {
  return commandOptions(
    {
      options: {
        from: { type: "string" },
        to: { type: "string" },
        tenant: { type: "string" },
        settings: { type: "string" },
        copy: { type: "string" },
        "new-pseudonyms": { type: "string" },
        help: { type: "boolean", default: false },
      },
    },
    "npm run sandbox -- --help",
  );
}

function isAddress(text: string): boolean {
  return text.startsWith("https://");
}

/** Settings of one environment under the name of another would read or fill the wrong one. */
function demandEnvironment(name: string): void {
  const { environment } = config();
  if (environment !== name) throw new UsageError(`the settings are of the environment ${environment}, not ${name}`);
}

function load(file: string): void {
  try {
    // Unlike Node's own, over what is set already: half of them would be another environment's.
    Object.assign(process.env, parseEnv(readFileSync(file, "utf8")));
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  return error instanceof Leaked || error instanceof Unclassified ? 3 : 1;
}

/** As the wrappers of triggers do it: this command is started by who may choose the tenant. */
async function forTenant<T>(tenantId: string, work: (tenant: TenantScope) => Promise<T>): Promise<T> {
  const requestId = ulid();
  return await openBoundary(requestId, async () => {
    admit(tenantId);
    return await work(openScope({ tenantId, action: "sandbox", requestId, actor: { type: "system", id: "sandbox" } }));
  });
}
