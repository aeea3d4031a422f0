import type { RingStore } from "../protection/keyRing.ts";
import { getJson, putJson } from "./blobs.ts";
import { createContainer, systemContainer } from "./containers.ts";
import { StorageNotFound, StoragePreconditionFailed } from "./errors.ts";

const blobName = "key-ring.json";

/** The key ring as one blob in the container `protection`; its master keys are wrapped by the vault. */
export const ringStore: RingStore = {
  async read(signal) {
    const found = await getJson(systemContainer("protection"), blobName, signal);
    return found === undefined ? undefined : { document: found.value, etag: found.etag };
  },
  async write(document, etag) {
    const container = systemContainer("protection");
    const condition = etag === undefined ? { ifNoneMatch: "*" as const } : { ifMatch: etag };
    const put = () => putJson(container, blobName, document, condition);
    try {
      return await put().catch(async (error: unknown) => {
        if (!(error instanceof StorageNotFound)) throw error;
        await createContainer(container);
        return put();
      });
    } catch (error) {
      if (error instanceof StoragePreconditionFailed) return undefined;
      throw error;
    }
  },
};
