import { join } from "node:path";
import { ulid } from "ulid";
import { vi } from "vitest";
import { startAzurite } from "../../local/azurite.ts";
import { startBlobFront } from "../../local/blobFront.ts";
import { compose } from "../composition.ts";
import { startVaultForTests } from "../protection/vaultForTests.ts";
import type { BlobContainer } from "./accounts.ts";
import { createTenantContainer } from "./containers.ts";

/** A storage account, with vault and identity, of a test file's own, named in the settings that config() reads. */
export async function startAccountForTests(): Promise<{ close(): Promise<void> }> {
  const local = await startVaultForTests();
  const storage = await startAzurite({
    blobPort: 0,
    queuePort: 0,
    dataDir: join(local.dir, "storage"),
    tls: local.tls,
  });
  const front = await startBlobFront({ port: 0, target: storage.blob.url, tls: local.tls });
  vi.stubEnv("DATA__blobServiceUri", storage.blobServiceUri);
  vi.stubEnv("DATA__queueServiceUri", storage.queueServiceUri);
  vi.stubEnv("DATA_BLOB_PUBLIC_URL", `${front.url}/${storage.account}`);
  compose();
  return {
    close: async () => {
      await front.close();
      await Promise.all([storage.blob.close(), storage.queue.close()]);
      await local.close();
    },
  };
}

/** The container of a tenant that nobody else has. */
export function newTenantContainer(): Promise<BlobContainer> {
  return createTenantContainer(`tnt_${ulid()}`, "devstoreaccount1");
}
