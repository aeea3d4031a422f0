import { randomBytes } from "node:crypto";
import { CosmosClient, PartitionKeyDefinitionVersion, PartitionKeyKind } from "@azure/cosmos";
import { ManagedIdentityCredential } from "@azure/identity";
import { KeyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";
import { BlobServiceClient } from "@azure/storage-blob";
import { dataIndexes } from "../shared/indexes.ts";
import { signingKeyNames } from "../shared/protection/signing.ts";

/** Makes what Bicep makes in Azure: database and containers, the vault's keys and secrets, the account's own containers. */
export async function provision(places: {
  readonly cosmosUrl: string;
  readonly database: string;
  readonly vaultUrl: string;
  readonly blobServiceUri: string;
}): Promise<void> {
  await Promise.all([
    provisionDatabase(places.cosmosUrl, places.database),
    provisionVault(places.vaultUrl),
    provisionStorage(places.blobServiceUri),
  ]);
}

/** The database, its containers and the indexes of `data`. */
export async function provisionDatabase(endpoint: string, name: string, indexes = dataIndexes): Promise<void> {
  const client = new CosmosClient({
    endpoint,
    aadCredentials: new ManagedIdentityCredential(),
    connectionPolicy: { enableEndpointDiscovery: false },
  });
  const { database } = await client.databases.createIfNotExists({ id: name });
  await database.containers.createIfNotExists({
    id: "data",
    partitionKey: { paths: ["/tenantId"], version: PartitionKeyDefinitionVersion.V2 },
    // Items without a ttl of their own never expire.
    defaultTtl: -1,
    indexingPolicy: { compositeIndexes: indexes.map((index) => [...index]) },
  });
  await database.containers.createIfNotExists({
    id: "log",
    partitionKey: {
      paths: ["/tenantId", "/month"],
      kind: PartitionKeyKind.MultiHash,
      version: PartitionKeyDefinitionVersion.V2,
    },
  });
  await database.containers.createIfNotExists({
    id: "leases",
    partitionKey: { paths: ["/id"], version: PartitionKeyDefinitionVersion.V2 },
  });
  client.dispose();
}

async function provisionVault(url: string): Promise<void> {
  const options = { disableChallengeResourceVerification: true };
  const keys = new KeyClient(url, new ManagedIdentityCredential(), options);
  await absent(
    () => keys.getKey("key-ring"),
    () => keys.createRsaKey("key-ring", { keySize: 2048 }),
  );
  for (const name of signingKeyNames)
    await absent(
      () => keys.getKey(name),
      () => keys.createRsaKey(name, { keySize: 2048, keyOps: ["sign", "verify"] }),
    );
  const secrets = new SecretClient(url, new ManagedIdentityCredential(), options);
  await absent(
    () => secrets.getSecret("address-hash-key"),
    () => secrets.setSecret("address-hash-key", randomBytes(32).toString("base64url")),
  );
}

async function provisionStorage(url: string): Promise<void> {
  const blobs = new BlobServiceClient(url, new ManagedIdentityCredential());
  for (const name of ["ingest", "protection"]) await blobs.getContainerClient(name).createIfNotExists();
}

async function absent(read: () => Promise<unknown>, create: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if ((error as { statusCode?: unknown }).statusCode !== 404) throw error;
    await create();
  }
}
