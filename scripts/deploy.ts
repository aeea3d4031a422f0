import { parseArgs } from "node:util";
import { type Environment, environments } from "./bicep/snapshots.ts";
import { deployInfrastructure } from "./deploy/infrastructure.ts";
import type { Place } from "./deploy/place.ts";
import { permit } from "./deploy/permit.ts";
import { writeSettings } from "./deploy/settings.ts";
import { smoke } from "./deploy/smoke.ts";
import { fetchPackage } from "./deploy/source.ts";
import { stage } from "./deploy/stage.ts";
import { SwappedBack, swap } from "./deploy/swap.ts";
import type { Project } from "./gitlab/project.ts";

const usage = `Deploys Callpilot, one step at a time. The pipeline calls it; so can an operator who is signed in with \`az login\`.

  npm run deploy -- fetch --commit SHA [--to FOLDER]
      the package of a commit of protected main, once its pipeline has passed, into package/;
      GITLAB_API, GITLAB_PROJECT and GITLAB_TOKEN say where from

  npm run deploy -- infrastructure --environment ENV --resource-group GROUP
      what bicep/ says; leaves the code as it is; once more after the first code, to subscribe events

  npm run deploy -- permit --environment ENV --resource-group GROUP [--principal ID]
      lets whoever is signed in, or the pipeline's identity by its object id, send packages

  npm run deploy -- stage --environment ENV --resource-group GROUP [--package FILE]
      the package into the staging slots, which then have to answer

  npm run deploy -- swap --environment ENV --resource-group GROUP
      makes what is staged live, app by app, and looks; swaps back where one does not run. Once more: rolls back

  npm run deploy -- smoke --address URL
      asks what any caller may ask

  npm run deploy -- settings --environment ENV --resource-group GROUP --to FILE
      the worker's settings into a file, for commands that run beside it: npm run sandbox

  --patience SECONDS   how long an answer is waited for, 600 unless given
ENV is sandbox, staging or production. Exit codes: 1 failed, 2 wrong use, 3 swapped back.`;

class UsageError extends Error {}

try {
  await main();
} catch (error) {
  console.error(`deploy: ${(error as Error).message}`);
  process.exitCode = exitCodeOf(error);
}

async function main(): Promise<void> {
  const { values, positionals } = parsed();
  if (values.help) {
    console.log(usage);
    return;
  }
  const say = (line: string) => {
    console.log(line);
  };
  const seconds = Number(values.patience);
  if (!Number.isFinite(seconds) || seconds < 0) throw new UsageError("--patience is a number of seconds");
  const place = (): Place => ({
    environment: environmentOf(required(values.environment, "--environment")),
    group: required(values["resource-group"], "--resource-group"),
  });
  const { to = "package" } = values;
  switch (positionals[0]) {
    case "fetch":
      await fetchPackage(projectOf(process.env), required(values.commit, "--commit"), to, seconds);
      say(`the package of ${values.commit ?? ""} is in ${to}`);
      return;
    case "infrastructure":
      await deployInfrastructure(place(), seconds, say);
      return;
    case "permit":
      await permit(place(), values.principal, say);
      return;
    case "stage":
      await stage(place(), values.package, `${values.package}.sha256`, seconds, say);
      return;
    case "swap":
      await swap(place(), seconds, say);
      return;
    case "settings":
      await writeSettings(place(), required(values.to, "--to"), say);
      return;
    case "smoke":
      await smoke(required(values.address, "--address"), seconds);
      say("it answers as it should");
      return;
    default:
      throw new UsageError(`there is no step ${positionals[0] ?? ""}: npm run deploy -- --help`);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  return error instanceof SwappedBack ? 3 : 1;
}

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        environment: { type: "string" },
        "resource-group": { type: "string" },
        package: { type: "string", default: "package/callpilot.zip" },
        commit: { type: "string" },
        to: { type: "string" },
        principal: { type: "string" },
        address: { type: "string" },
        patience: { type: "string", default: "600" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function required(value: string | undefined, name: string): string {
  if (value === undefined || value === "") throw new UsageError(`${name} is missing`);
  return value;
}

function environmentOf(name: string): Environment {
  const found = environments.find((each) => each === name);
  if (found === undefined) throw new UsageError(`--environment is one of ${environments.join(", ")}`);
  return found;
}

function projectOf({ GITLAB_API, GITLAB_PROJECT, GITLAB_TOKEN }: NodeJS.ProcessEnv): Project {
  return {
    api: required(GITLAB_API, "GITLAB_API"),
    project: required(GITLAB_PROJECT, "GITLAB_PROJECT"),
    token: required(GITLAB_TOKEN, "GITLAB_TOKEN"),
  };
}
