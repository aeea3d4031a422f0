import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { loadCertificates, trust } from "../../local/certificates.ts";
import { startCosmos } from "../../local/cosmos/server.ts";
import type { ReceivedMail } from "../../local/mail.ts";
import { startMail } from "../../local/mail.ts";
import { provision } from "../../local/provision.ts";
import { config } from "../config.ts";
import { startAccountForTests } from "../storage/accountForTests.ts";
import { openScopeForTests } from "../tenancy/databaseForTests.ts";
import { platformTenantId } from "../tenancy/ids.ts";
import type { TenantScope } from "../tenancy/scope.ts";

export interface PlatformForTests {
  /** Mails to an address, the newest first. */
  readonly mailsTo: (address: string) => Promise<readonly ReceivedMail[]>;
  readonly close: () => Promise<void>;
}

/** Everything that a tenant is made of, of a test file's own: database, vault, storage account and mail service. */
export async function startPlatformForTests(): Promise<PlatformForTests> {
  const account = await startAccountForTests();
  const dir = await mkdtemp(join(tmpdir(), "callpilot-platform-"));
  const tls = await loadCertificates(join(dir, "tls"));
  trust(tls.ca);
  const cosmos = await startCosmos({ port: 0, dataDir: join(dir, "cosmos"), tls });
  const mail = await startMail({ port: 0, dataDir: join(dir, "mail"), tls });
  vi.stubEnv("COSMOS__accountEndpoint", cosmos.url);
  vi.stubEnv("COSMOS_DATABASE", "callpilot");
  vi.stubEnv("MAIL_ENDPOINT", mail.url);
  vi.stubEnv("MAIL_SENDER", "surveys@callpilot.localhost");
  const { cosmos: database, vault, data } = config();
  await provision({
    cosmosUrl: database.endpoint,
    database: database.database,
    vaultUrl: vault.url,
    blobServiceUri: data.blobUrl,
  });
  return {
    mailsTo: async (address) => {
      const answer = await fetch(`${mail.url}/messages?to=${encodeURIComponent(address)}`);
      return ((await answer.json()) as { messages: ReceivedMail[] }).messages;
    },
    close: async () => {
      await Promise.all([cosmos.close(), mail.close()]);
      await account.close();
      await rm(dir, { recursive: true });
    },
  };
}

/** A function's scope of the tenant. */
export function scopeForTests(tenantId: string): TenantScope {
  return openScopeForTests(tenantId);
}

/** The platform's own scope. */
export function platformScopeForTests(): TenantScope {
  return scopeForTests(platformTenantId);
}
