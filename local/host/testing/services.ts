import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LocalStorage, startAzurite } from "../../azurite.ts";
import { caFile, loadCertificates, trust } from "../../certificates.ts";
import { startIdentity } from "../../identity.ts";
import type { Certificates } from "../../service.ts";

/** What a test's app needs of the local Azure, in a temporary folder. */
export interface TestServices {
  readonly dir: string;
  readonly tls: Certificates;
  /** File that a host process must trust. */
  readonly ca: string;
  /** Settings of the identity endpoint; this process has them too. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startServices(): Promise<TestServices> {
  const dir = await mkdtemp(join(tmpdir(), "host-services-"));
  const tls = await loadCertificates(dir);
  trust(tls.ca);
  const identity = await startIdentity({ port: 0 });
  const env = { ...identity.settings };
  Object.assign(process.env, env);
  return {
    dir,
    tls,
    ca: caFile(dir),
    env,
    close: async () => {
      await identity.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The services above with a storage account behind the connection `DATA`. */
export async function startStorage(): Promise<TestServices & { readonly storage: LocalStorage }> {
  const services = await startServices();
  const storage = await startAzurite({
    blobPort: 0,
    queuePort: 0,
    dataDir: join(services.dir, "azurite"),
    tls: services.tls,
  });
  return {
    ...services,
    storage,
    env: {
      ...services.env,
      DATA__blobServiceUri: storage.blobServiceUri,
      DATA__queueServiceUri: storage.queueServiceUri,
    },
    close: async () => {
      await storage.blob.close();
      await storage.queue.close();
      await services.close();
    },
  };
}
