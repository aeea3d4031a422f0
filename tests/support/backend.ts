import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";
import { startAzurite } from "../../local/azurite.ts";
import { startBlobFront } from "../../local/blobFront.ts";
import { loadCertificates, trust } from "../../local/certificates.ts";
import { startCosmos } from "../../local/cosmos/server.ts";
import { startIdentity } from "../../local/identity.ts";
import { provision } from "../../local/provision.ts";
import { startVault } from "../../local/vault/vault.ts";
import { setClockForTests } from "../../shared/clock.ts";
import { compose } from "../../shared/composition.ts";
import { insideBoundaryForTests } from "../../shared/tenancy/databaseForTests.ts";

/**
 * {@link startBackend} around a file's tests, each of which runs as a function does. Settings of the file's own have to be
 * there before.
 */
export function backendOfFile(): void {
  let backend: AsyncDisposable | undefined;
  insideBoundaryForTests();
  beforeAll(async () => {
    backend = await startBackend();
  });
  afterAll(async () => {
    setClockForTests();
    await backend?.[Symbol.asyncDispose]();
  });
}

/**
 * Database, storage, vault and identity of a test file's own, without a host: nothing reacts to what happens in them. The
 * settings of this process name them, so that domain code runs in it with the real SDKs.
 */
export async function startBackend(): Promise<AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), "callpilot-backend-"));
  const tls = await loadCertificates(join(dir, "certificates"));
  trust(tls.ca);
  const identity = await startIdentity({ port: 0 });
  const storage = await startAzurite({ blobPort: 0, queuePort: 0, dataDir: join(dir, "storage"), tls });
  const front = await startBlobFront({ port: 0, target: storage.blob.url, tls });
  const cosmos = await startCosmos({ port: 0, dataDir: join(dir, "cosmos"), tls });
  const vault = await startVault({ port: 0, dataDir: join(dir, "vault"), tls });
  const unused = "https://localhost";
  const settings: Record<string, string> = {
    ...identity.settings,
    CALLPILOT_ENVIRONMENT: "local",
    CALLPILOT_ROLE: "all",
    API_PUBLIC_URL: unused,
    GUEST_LINK_URL: `${unused}/s`,
    COSMOS__accountEndpoint: cosmos.url,
    COSMOS_DATABASE: "callpilot",
    DATA_ACCOUNT: storage.account,
    DATA__blobServiceUri: storage.blobServiceUri,
    DATA__queueServiceUri: storage.queueServiceUri,
    DATA_BLOB_PUBLIC_URL: `${front.url}/${storage.account}`,
    VAULT_URL: vault.url,
    OIDC_ISSUER: unused,
    OIDC_AUDIENCE: "unused",
    OIDC_TENANT_CLAIM: "unused",
    MAIL_ENDPOINT: unused,
    MAIL_SENDER: "unused",
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  await provision({
    cosmosUrl: cosmos.url,
    database: "callpilot",
    vaultUrl: vault.url,
    blobServiceUri: storage.blobServiceUri,
  });
  compose();
  return {
    [Symbol.asyncDispose]: async () => {
      for (const service of [front, storage.blob, storage.queue, cosmos, vault, identity]) await service.close();
      vi.unstubAllEnvs();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
