import { containerClient } from "./accounts.ts";
import { systemContainer } from "./containers.ts";
import { storageRequest } from "./errors.ts";

/** Resolves when the storage account answers with the app's identity; rejects otherwise. */
export async function storageReady(): Promise<void> {
  await storageRequest((abortSignal) => containerClient(systemContainer("ingest")).getProperties({ abortSignal }));
}
