import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Container,
  type ContainerDefinition,
  CosmosClient,
  type CosmosClientOptions,
  PartitionKeyDefinitionVersion,
  PartitionKeyKind,
} from "@azure/cosmos";
import type { TokenCredential } from "@azure/identity";
import { UnsecuredJWT } from "jose";
import { lazy } from "../../shared/lazy.ts";
import { loadCertificates, trust } from "../certificates.ts";
import type { Certificates } from "../service.ts";
import { userAgents } from "./arrival.ts";
import { type CosmosService, startCosmos } from "./server.ts";

/** A token as the identity endpoint makes it; the local services do not look at its signature. */
export function mintToken(audience: string, secondsLeft = 3600): string {
  const now = Math.floor(Date.now() / 1000);
  const iss = "https://sts.windows.net/00000000-0000-0000-0000-000000000000/";
  return new UnsecuredJWT({ iss, aud: audience, iat: now, nbf: now - 5, exp: now + secondsLeft }).encode();
}

/** Opens the local services to the real SDKs, past the app; for what looks at a stack from outside. */
export const localCredential: TokenCredential = {
  getToken: (scopes) =>
    Promise.resolve({
      token: mintToken([scopes].flat()[0]?.replace("/.default", "") ?? ""),
      expiresOnTimestamp: Date.now() + 3_600_000,
    }),
};

/** The real SDK client, authenticated by a token whose audience is what the SDK asked for. */
export function clientOf(url: string, options: Partial<CosmosClientOptions> = {}): CosmosClient {
  return new CosmosClient({
    endpoint: url,
    userAgentSuffix: userAgents.test,
    aadCredentials: localCredential,
    ...options,
  });
}

/** One authority per process: OpenSSL confuses several of the same name. */
const trustedCertificates = lazy(async (): Promise<Certificates> => {
  const folder = await mkdtemp(join(tmpdir(), "cosmos-certificates-"));
  const tls = await loadCertificates(folder);
  await rm(folder, { recursive: true, force: true });
  trust(tls.ca);
  return tls;
});

/** A server with a folder of its own, and a client; `await using` ends both. */
export class TestCosmos implements AsyncDisposable {
  readonly folder: string;
  readonly tls: Certificates;
  service: CosmosService;
  client: CosmosClient;

  private constructor(folder: string, tls: Certificates, service: CosmosService) {
    this.folder = folder;
    this.tls = tls;
    this.service = service;
    this.client = clientOf(service.url);
  }

  static async start(): Promise<TestCosmos> {
    const folder = await mkdtemp(join(tmpdir(), "cosmos-"));
    const tls = await trustedCertificates();
    return new TestCosmos(folder, tls, await startCosmos({ port: 0, dataDir: folder, tls }));
  }

  async restart(): Promise<void> {
    this.client.dispose();
    await this.service.close();
    this.service = await startCosmos({ port: 0, dataDir: this.folder, tls: this.tls });
    this.client = clientOf(this.service.url);
  }

  async container(definition: ContainerDefinition): Promise<Container> {
    const { database } = await this.client.databases.createIfNotExists({ id: "test" });
    const { container } = await database.containers.createIfNotExists(definition);
    return container;
  }

  /** Partitioned by `/tenantId`, as `data` is, with the indexes that the tests sort by. */
  data(id: string, extra: ContainerDefinition = {}): Promise<Container> {
    return this.container({
      id,
      partitionKey: {
        paths: ["/tenantId"],
        kind: PartitionKeyKind.Hash,
        version: PartitionKeyDefinitionVersion.V2,
      },
      indexingPolicy: {
        includedPaths: [{ path: "/*" }],
        excludedPaths: [{ path: "/payload/*" }],
        compositeIndexes: [
          [
            { path: "/kind", order: "ascending" },
            { path: "/updatedAt", order: "descending" },
            { path: "/id", order: "descending" },
          ],
        ],
      },
      ...extra,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.dispose();
    await this.service.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The rejection of a call that must fail, as far as the SDK reports it. */
export async function failureOf(
  call: Promise<unknown>,
): Promise<{ code?: unknown; substatus?: unknown; message: string; cause?: { code?: unknown } }> {
  try {
    await call;
  } catch (error) {
    return error as Awaited<ReturnType<typeof failureOf>>;
  }
  throw new Error("The call succeeded.");
}
