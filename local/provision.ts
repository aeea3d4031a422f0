import { type ContainerRequest, CosmosClient, PartitionKeyDefinitionVersion, PartitionKeyKind } from "@azure/cosmos";
import { ManagedIdentityCredential } from "@azure/identity";
import { KeyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";
import { BlobServiceClient } from "@azure/storage-blob";
import { vaultKeyName as pseudonymKeyName } from "../scripts/sandbox/pseudonymKey.ts";
import { dataIndexes } from "../shared/indexes.ts";
import { renewSecrets } from "../shared/protection/rotateSecrets.ts";
import { wrappingKeyName } from "../shared/protection/vault.ts";
import { signingKeyNames } from "../shared/protection/signing.ts";

/** Makes what Bicep makes in Azure: database and containers, the vault's keys and secrets, the account's own containers. */
export async function provision(places: {
  readonly cosmosUrl: string;
  readonly database: string;
  readonly vaultUrl: string;
  /** Size of the key that wraps the key ring, 2048 by default; a smaller one gets a new version. */
  readonly wrappingKeyBits?: number;
  readonly blobServiceUri: string;
}): Promise<void> {
  await Promise.all([
    provisionDatabase(places.cosmosUrl, places.database),
    provisionVault(places.vaultUrl, places.wrappingKeyBits),
    provisionStorage(places.blobServiceUri),
  ]);
}

/** The containers of the database, as Azure and the local one are told of them. */
export function databaseContainers(indexes = dataIndexes): readonly ContainerRequest[] {
  const version = PartitionKeyDefinitionVersion.V2;
  return [
    {
      id: "data",
      partitionKey: { paths: ["/tenantId"], kind: PartitionKeyKind.Hash, version },
      // Items without a ttl of their own never expire.
      defaultTtl: -1,
      indexingPolicy: {
        // What a container without a policy has: Azure adds it to none that says less.
        indexingMode: "consistent",
        automatic: true,
        includedPaths: [{ path: "/*" }],
        excludedPaths: [{ path: '/"_etag"/?' }],
        compositeIndexes: indexes.map((index) => [...index]),
      },
    },
    { id: "log", partitionKey: { paths: ["/tenantId", "/month"], kind: PartitionKeyKind.MultiHash, version } },
    { id: "leases", partitionKey: { paths: ["/id"], kind: PartitionKeyKind.Hash, version } },
  ];
}

/** The database, its containers and the indexes of `data`. */
export async function provisionDatabase(endpoint: string, name: string, indexes = dataIndexes): Promise<void> {
  const client = new CosmosClient({
    endpoint,
    aadCredentials: new ManagedIdentityCredential(),
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const { database } = await client.databases.createIfNotExists({ id: name });
  for (const container of databaseContainers(indexes)) await database.containers.createIfNotExists(container);
  client.dispose();
}

/** The keys, and the secrets that the worker makes in a vault without any. A key that is too small gets a new version. */
export async function provisionVault(url: string, wrappingKeyBits = 2048): Promise<void> {
  const options = { disableChallengeResourceVerification: true };
  const keys = new KeyClient(url, new ManagedIdentityCredential(), options);
  await provisionKey(keys, wrappingKeyName, { keySize: wrappingKeyBits, keyOps: ["wrapKey", "unwrapKey"] });
  await provisionKey(keys, pseudonymKeyName, { keySize: 2048, keyOps: ["wrapKey", "unwrapKey"] });
  for (const name of signingKeyNames) await provisionKey(keys, name, { keySize: 2048, keyOps: ["sign", "verify"] });
  await renewSecrets(new SecretClient(url, new ManagedIdentityCredential(), options), new Date());
}

async function provisionKey(
  keys: KeyClient,
  name: string,
  wanted: { readonly keySize: number; readonly keyOps: string[] },
): Promise<void> {
  const found = await keys.getKey(name).catch((error: unknown) => {
    if ((error as { statusCode?: unknown }).statusCode !== 404) throw error;
  });
  if ((found?.key?.n?.length ?? 0) * 8 < wanted.keySize) await keys.createRsaKey(name, wanted);
}

const systemContainers = ["ingest", "protection", "seals"];
/** In Azure they are in an account of their own, for copies to a sandbox. */
const dropContainers = ["drop", "work"];

async function provisionStorage(url: string): Promise<void> {
  const blobs = new BlobServiceClient(url, new ManagedIdentityCredential());
  for (const name of [...systemContainers, ...dropContainers]) await blobs.getContainerClient(name).createIfNotExists();
}
