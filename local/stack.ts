import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { startAzurite } from "./azurite.ts";
import { startBlobFront } from "./blobFront.ts";
import { caFile, loadCertificates, trust } from "./certificates.ts";
import { startClamd } from "./clamd.ts";
import { type DatabaseDone, startCosmos } from "./cosmos/server.ts";
import { startDefender } from "./defender.ts";
import { type FunctionsHost, type HostOptions, startHost } from "./host/host.ts";
import type { LogSink } from "./host/log.ts";
import { startIdentity } from "./identity.ts";
import { startIssuer } from "./issuer.ts";
import { startMail } from "./mail.ts";
import { provision } from "./provision.ts";
import { type LocalService, listen, stop } from "./service.ts";
import { textOf, writeDurably } from "./stateFile.ts";
import { startVault } from "./vault/vault.ts";

export interface StackOptions {
  /** Port of the API; the others follow it. 0 takes free ones. */
  readonly port: number;
  /** Where all state is kept. */
  readonly dataDir: string;
  /** Forgets what is kept there. */
  readonly fresh?: boolean;
  /** Folder of the built app. */
  readonly appDir: string;
  readonly log: LogSink;
  /** Runs the app, whose settings are in `env`; in this process unless given. */
  readonly startApp?: (options: HostOptions) => Promise<FunctionsHost>;
  /** Sees each request to the database between its effect and its answer. */
  readonly onDatabaseRequest?: (done: DatabaseDone) => void;
  /** Further settings, or other values of the stack's own. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Where everything of a running stack is. */
export interface Stack extends AsyncDisposable {
  readonly apiUrl: string;
  readonly issuerUrl: string;
  readonly blobUrl: string;
  readonly blobHttpUrl: string;
  readonly queueUrl: string;
  readonly cosmosUrl: string;
  readonly vaultUrl: string;
  readonly mailUrl: string;
  readonly caFile: string;
  /** Origin that webhooks may reach although it is none of the public internet; `npm run demo` listens there. */
  readonly webhookReceiverUrl: string;
  readonly operatorEmail: string;
  readonly functions: readonly string[];
}

export const operatorEmail = "operator@callpilot.localhost";
const database = "callpilot";
const folders = ["certificates", "storage", "cosmos", "vault", "issuer", "mail"];

/** Boots the whole local Azure and the app, in this process. One per process. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataDir, port } = options;
  const at = (offset: number) => (port === 0 ? 0 : port + offset);
  const folder = (name: string) => join(dataDir, name);
  if (options.fresh === true)
    await Promise.all(folders.map((name) => rm(folder(name), { recursive: true, force: true })));
  await mkdir(dataDir, { recursive: true });

  const running: Pick<LocalService, "close">[] = [];
  const keep = <T extends Pick<LocalService, "close">>(service: T): T => {
    running.push(service);
    return service;
  };
  const close = async (): Promise<void> => {
    for (const service of running.toReversed()) await service.close();
  };
  try {
    const tls = await loadCertificates(folder("certificates"));
    trust(tls.ca);
    const identity = keep(await startIdentity({ port: at(8) }));
    const storage = await startAzurite({ blobPort: at(1), queuePort: at(3), dataDir: folder("storage"), tls });
    keep(storage.blob);
    keep(storage.queue);
    const front = keep(await startBlobFront({ port: at(2), target: storage.blob.url, tls }));
    const cosmos = keep(
      await startCosmos({ port: at(4), dataDir: folder("cosmos"), tls, onDone: options.onDatabaseRequest }),
    );
    const vault = keep(await startVault({ port: at(5), dataDir: folder("vault"), tls }));
    const issuerPort = await keptPort(folder("issuer"));
    const issuer = keep(
      await startIssuer({ port: issuerPort ?? at(6), dataDir: folder("issuer"), tls, operatorEmail }),
    );
    await writeDurably(portFile(folder("issuer")), new URL(issuer.url).port);
    const mail = keep(await startMail({ port: at(7), dataDir: folder("mail"), tls }));
    Object.assign(process.env, identity.settings);
    await provision({
      cosmosUrl: cosmos.url,
      database,
      vaultUrl: vault.url,
      blobServiceUri: storage.blobServiceUri,
      wrappingKeyBits: Number(options.settings?.["WRAPPING_KEY_BITS"] ?? "2048"),
    });

    const gate = options.settings?.["MALWARE_GATE"];
    const clamd = gate === "clamd" ? keep(await startClamd()) : undefined;
    const [apiPort, receiverPort] = port === 0 ? await freePorts() : [port, port + 9];
    const apiUrl = `http://localhost:${apiPort}`;
    const webhookReceiverUrl = `http://127.0.0.1:${receiverPort}`;
    const settings: Record<string, string> = {
      CALLPILOT_ENVIRONMENT: "local",
      CALLPILOT_ROLE: "all",
      API_PUBLIC_URL: apiUrl,
      GUEST_LINK_URL: `${apiUrl}/s`,
      AzureWebJobsStorage__blobServiceUri: storage.blobServiceUri,
      AzureWebJobsStorage__queueServiceUri: storage.queueServiceUri,
      COSMOS__accountEndpoint: cosmos.url,
      COSMOS_DATABASE: database,
      DATA_ACCOUNT: storage.account,
      DATA__blobServiceUri: storage.blobServiceUri,
      DATA__queueServiceUri: storage.queueServiceUri,
      DATA_BLOB_PUBLIC_URL: `${front.url}/${storage.account}`,
      VAULT_URL: vault.url,
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: "callpilot-api",
      OIDC_TENANT_CLAIM: "tenant_id",
      MAIL_ENDPOINT: mail.url,
      MAIL_SENDER: "surveys@callpilot.localhost",
      WEBHOOK_ALLOWED_ORIGINS: webhookReceiverUrl,
      INGEST_SOURCE: "LogsAndContainerScan",
      RATE_LIMIT_PER_MINUTE: "100000",
      ...(clamd !== undefined && { CLAMD_ADDRESS: clamd.address }),
      ...options.settings,
    };
    Object.assign(process.env, settings);
    const { startApp = startHost } = options;
    const host = keep(
      await startApp({
        appDir: options.appDir,
        port: apiPort,
        env: process.env,
        log: options.log,
        onBlobCreated: storage.onBlobCreated,
        onQueueMessage: storage.onQueueMessage,
      }),
    );
    if (gate === "defender") {
      const defender = keep(startDefender({ blobServiceUri: storage.blobServiceUri, apiUrl }));
      storage.onBlobCreated(defender.scan);
    }
    return {
      apiUrl,
      issuerUrl: issuer.url,
      blobUrl: storage.blobServiceUri,
      blobHttpUrl: `${front.url}/${storage.account}`,
      queueUrl: storage.queueServiceUri,
      cosmosUrl: cosmos.url,
      vaultUrl: vault.url,
      mailUrl: mail.url,
      caFile: caFile(folder("certificates")),
      webhookReceiverUrl,
      operatorEmail,
      functions: host.functions.map(({ name }) => name),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const portFile = (dir: string) => join(dir, "port");

/**
 * The port that the issuer had the first time, wherever the others have moved to: its address is part of every member's
 * id, so people would be strangers to their own tenants under another.
 */
async function keptPort(dir: string): Promise<number | undefined> {
  const port = Number(await textOf(portFile(dir)));
  return Number.isInteger(port) && port > 0 ? port : undefined;
}

/** Both addresses are settings of the app, so their ports are chosen before anybody listens. */
async function freePorts(): Promise<[api: number, receiver: number]> {
  const servers = [createServer(), createServer()] as const;
  const ports: [number, number] = [await listen(servers[0], 0, "API"), await listen(servers[1], 0, "webhooks")];
  await Promise.all(servers.map(stop));
  return ports;
}
