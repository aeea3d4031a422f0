import { rm, writeFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { parseConfig, settingNames } from "../../shared/config.ts";
import { secretsIn } from "../secrets/scan.ts";
import { type Place, namesOf, settingsOf } from "./place.ts";

/**
 * Writes the worker's settings, as far as its configuration knows them, into a file that Node's `parseEnv` reads
 * back exactly and nobody else may read. Throws where one is wrong or looks like a secret; no value is in the message.
 */
export async function writeSettings(place: Place, file: string, say: (line: string) => void): Promise<void> {
  const { worker } = await namesOf(place);
  const found = await settingsOf(place, worker, "production");
  const settings = Object.fromEntries(Object.entries(found).filter(([name]) => settingNames.includes(name)));
  const { environment } = parseConfig(settings);
  if (environment !== place.environment)
    throw new Error(`${worker} is of the environment ${environment}, not ${place.environment}`);
  for (const [name, value] of Object.entries(settings)) await demandNoSecret(name, value);
  const lines = settingsFile(settings);
  // Anew, so that the mode is that of this file and not of one that was there.
  await rm(file, { force: true });
  await writeFile(file, lines, { mode: 0o600, flag: "wx" });
  say(`${Object.keys(settings).length} settings of ${worker} are in ${file}`);
}

async function demandNoSecret(name: string, value: string): Promise<void> {
  const [secret] = await secretsIn("settings.env", `${name}=${value}\n`);
  if (secret !== undefined || value.startsWith("@Microsoft.KeyVault("))
    throw new Error(`${name} looks like a secret: it is not written down`);
}

/** Lines that Node's `parseEnv` reads back exactly. Throws for a value that none does. */
export function settingsFile(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${lineOf(name, value)}\n`)
    .join("");
}

/** In the first kind of quotes that Node reads back to the same value: it knows no way to escape one. */
function lineOf(name: string, value: string): string {
  const line = ["'", "`", '"']
    .map((quote) => `${name}=${quote}${value}${quote}`)
    .find((each) => parseEnv(each)[name] === value);
  if (line === undefined) throw new Error(`${name} cannot be written so that Node reads it back`);
  return line;
}
