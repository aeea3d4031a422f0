import { config } from "../config.ts";
import { type BlobContainer, containerClient } from "./accounts.ts";
import { storageRequest } from "./errors.ts";

/** Crockford's base 32 of a ULID; its first character holds 3 bits. */
const tenantIdPattern = /^tnt_([0-7][0-9A-HJKMNP-TV-Z]{25})$/u;

/**
 * Name of the container that holds a tenant's videos, `videos-` and the 26 characters of its id in lower case: made
 * of nothing that a user chose, and within Azure's rules (3-63 lower-case letters, digits, single hyphens).
 */
export function containerName(tenantId: string): string {
  const ulid = tenantIdPattern.exec(tenantId)?.[1];
  if (ulid === undefined) throw new RangeError("Not a tenant's id.");
  return `videos-${ulid.toLowerCase()}`;
}

/** The tenant whose videos are in a container of that name; undefined for any other container. */
export function tenantOfContainer(name: string): string | undefined {
  const tenantId = `tnt_${name.replace(/^videos-/u, "").toUpperCase()}`;
  return tenantIdPattern.test(tenantId) && containerName(tenantId) === name ? tenantId : undefined;
}

/**
 * The container of what was found to be malware among a tenant's recordings. It has a name of another kind, so that rules
 * of storage reach all of them and nothing else, and no grant is made for what is in it.
 */
export function quarantineContainer(tenantId: string, account: string): BlobContainer {
  return { account, name: containerName(tenantId).replace(/^videos-/u, quarantinePrefix) };
}

const quarantinePrefix = "quarantine-";

export function isQuarantine({ name }: BlobContainer): boolean {
  return name.startsWith(quarantinePrefix);
}

/** A tenant's own container in the account that its document names. */
export function tenantContainer(tenantId: string, account: string): BlobContainer {
  return { account, name: containerName(tenantId) };
}

/** Makes the tenant's container, private, unless it is there already. */
export async function createTenantContainer(tenantId: string, account: string): Promise<BlobContainer> {
  const container = tenantContainer(tenantId, account);
  await createContainer(container);
  return container;
}

/** Containers that belong to no tenant: manifests that start processing, the key ring, and seals of logs. */
export type SystemContainerName = "ingest" | "protection" | "seals";

export function systemContainer(name: SystemContainerName): BlobContainer {
  return { account: config().data.account, name };
}

/** Makes the container, without anonymous access, unless it is there already. */
export async function createContainer(container: BlobContainer): Promise<void> {
  await storageRequest((abortSignal) => containerClient(container).createIfNotExists({ abortSignal }));
}
