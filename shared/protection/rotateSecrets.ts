import { randomBytes } from "node:crypto";
import { type SecretClient, type SecretProperties, isRestError } from "@azure/keyvault-secrets";
import { config } from "../config.ts";
import { type OwnSecret, ownSecrets } from "./ownSecrets.ts";
import { secretClient } from "./vault.ts";

const dayMs = 86_400_000;
/** A successor is made this long before a version expires, so that the timer may fail for days. */
const renewBeforeDays = 14;

/**
 * Gives each of {@link ownSecrets} that is missing, disabled or about to expire a new version, and disables what was
 * replaced once its overlap is over. May be repeated and may run in several instances at once: the vault takes no
 * conditions, so two of them may make two versions, of which the later one counts and the other ends like any replaced
 * one (with the next rotation, where both are of the same second). Throws where a secret was not seen to; the others were.
 */
export async function rotateSecrets(at: Date): Promise<void> {
  if (config().role === "api") throw new TypeError("Only the worker app writes secrets.");
  await renewSecrets(secretClient(), at);
}

/** {@link rotateSecrets} by a given client. */
export async function renewSecrets(vault: SecretClient, at: Date): Promise<void> {
  const failures: unknown[] = [];
  for (const [name, secret] of Object.entries(ownSecrets))
    try {
      await renew(vault, name, secret, at);
    } catch (error) {
      failures.push(error);
    }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} secrets were not seen to.`);
}

async function renew(vault: SecretClient, name: string, secret: OwnSecret, at: Date): Promise<void> {
  const versions = await versionsOf(vault, name);
  const newest = Math.max(...versions.map(madeAt));
  const current = versions.filter((version) => madeAt(version) === newest);
  if (!current.some((version) => lasts(version, at))) {
    const expiresOn = new Date(at.getTime() + secret.lifetimeDays * dayMs);
    await vault.setSecret(name, randomBytes(32).toString("base64url"), { expiresOn });
    return;
  }
  if (at.getTime() - newest < secret.overlapDays * dayMs) return;
  for (const replaced of versions.filter((version) => version.enabled === true && !current.includes(version)))
    await vault.updateSecretProperties(name, replaced.version ?? "", { enabled: false });
}

function madeAt({ createdOn }: SecretProperties): number {
  return createdOn?.getTime() ?? 0;
}

function lasts({ enabled, expiresOn }: SecretProperties, at: Date): boolean {
  return enabled === true && (expiresOn?.getTime() ?? 0) - at.getTime() > renewBeforeDays * dayMs;
}

/** The properties of all versions of a secret, without their values; none where it does not exist. */
async function versionsOf(vault: SecretClient, name: string): Promise<SecretProperties[]> {
  try {
    return await Array.fromAsync(vault.listPropertiesOfSecretVersions(name));
  } catch (error) {
    if (isRestError(error) && error.statusCode === 404) return [];
    throw error;
  }
}
