import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { bearerProblem } from "../bearer.ts";
import { TooLarge, readText, sendJson, targetOf } from "../http.ts";
import { type Certificates, type LocalService, listen, stop } from "../service.ts";
import { type Answer, type Call, type Collection, answerShared } from "./collection.ts";
import { Fault, makeFaults } from "./faults.ts";
import { CreateKey, Operation, createKey, keyProperties, operate, readKey, rotateKey } from "./keys.ts";
import { findVersion } from "./objects.ts";
import { SetSecret, readSecret, secretProperties, setSecret, shownSecret } from "./secrets.ts";
import { VaultError, badParameter } from "./vaultError.ts";
import { type KeyVersion, type SecretVersion, type VaultState, openVaultState } from "./vaultState.ts";

const resource = "https://vault.azure.net";
/** The tenant that Microsoft documents for accounts without one; nobody asks it for a token here. */
const authority = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad";

/**
 * Key Vault's REST interface over https: secrets and RSA keys with versions, soft deletion, key operations and the
 * challenge for a token. What it acknowledged survives SIGKILL. `POST /_local/faults` plans failures for tests
 * ({@link Fault}). Clients need `disableChallengeResourceVerification`: the host is not under vault.azure.net.
 */
export async function startVault({
  port,
  dataDir,
  tls,
}: {
  readonly port: number;
  readonly dataDir: string;
  readonly tls: Certificates;
}): Promise<LocalService> {
  const state = await openVaultState(dataDir);
  const faults = makeFaults();
  let url = "";

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const target = targetOf(request);
    if (request.method === "POST" && target.pathname === "/_local/faults") {
      faults.plan(await bodyOf(request, Fault));
      sendJson(response, 200, {});
      return;
    }
    const problem = bearerProblem(request, resource);
    if (problem !== undefined) {
      challenge(response, problem);
      return;
    }
    if (faults.strike(request, response)) return;
    if (!target.searchParams.has("api-version")) throw badParameter("The api-version query parameter is missing.");
    const answer = await answerOf(state.value, url, request, target);
    if (request.method !== "GET") await state.save();
    if (answer === null) response.writeHead(204).end();
    else sendJson(response, 200, answer);
  };

  const server = createServer({ key: tls.key, cert: tls.cert }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      const refusal = asVaultError(error);
      if (refusal === undefined) response.destroy(error as Error);
      else sendJson(response, refusal.status, refusal.body);
    });
  });
  url = `https://localhost:${await listen(server, port, "Key Vault")}`;
  return { url, close: () => stop(server) };
}

async function answerOf(state: VaultState, url: string, request: IncomingMessage, target: URL): Promise<Answer> {
  const [name = "", ...path] = target.pathname.slice(1).split("/");
  const collection = name.replace(/^deleted/u, "");
  const call = callOf(request, path, target, collection !== name);
  let answer: Answer | undefined;
  if (collection === "secrets") answer = await answerSecrets(state, url, call);
  if (collection === "keys") answer = await answerKeys(state, url, call);
  if (answer === undefined)
    throw new VaultError(405, "MethodNotAllowed", `The local vault does not know ${call.route} of ${name}.`);
  return answer;
}

async function answerSecrets(state: VaultState, url: string, call: Call): Promise<Answer | undefined> {
  const { name, deleted, route } = call;
  if (!deleted && route === "PUT :name")
    return shownSecret(url, name, setSecret(state, name, await call.body(SetSecret)));
  const collection: Collection<SecretVersion> = {
    kind: "secret",
    entries: state.secrets,
    url,
    read: readSecret,
    properties: secretProperties,
    update: (secret, { contentType }) => {
      if (contentType !== undefined) secret.contentType = contentType;
    },
  };
  return answerShared(collection, call);
}

async function answerKeys(state: VaultState, url: string, call: Call): Promise<Answer | undefined> {
  const { name, version, deleted, route, operation } = call;
  if (!deleted && route === "POST :name/create")
    return readKey(url, name, await createKey(state, name, await call.body(CreateKey)));
  if (!deleted && route === "POST :name/rotate") return readKey(url, name, await rotateKey(state, name));
  if (!deleted && route === "POST :name/:version/:operation") {
    const body = await call.body(Operation);
    const key = findVersion(state.keys, "key", name, version);
    return operate(`${url}/keys/${name}/${key.version}`, key, operation, body);
  }
  const collection: Collection<KeyVersion> = {
    kind: "key",
    entries: state.keys,
    url,
    read: readKey,
    properties: keyProperties,
    update: (key, { key_ops: operations }) => {
      if (operations !== undefined) key.operations = operations;
    },
  };
  return answerShared(collection, call);
}

const verbs = ["versions", "create", "rotate", "recover"];

function callOf(request: IncomingMessage, path: readonly string[], target: URL, deleted: boolean): Call {
  const [name = "", version = "", operation = ""] = path;
  const names = [":name", verbs.includes(version) ? version : ":version", ":operation"];
  return {
    route: `${request.method ?? ""} ${path.map((segment, index) => names[index] ?? segment).join("/")}`,
    deleted,
    name,
    version: verbs.includes(version) ? "" : version,
    operation,
    target,
    body: (schema) => bodyOf(request, schema),
  };
}

async function bodyOf<S extends TSchema>(request: IncomingMessage, schema: S): Promise<Static<S>> {
  let body: unknown;
  try {
    body = JSON.parse(await readText(request));
  } catch (error) {
    throw error instanceof TooLarge ? badParameter(`The body has ${error.message}.`) : badParameter("No JSON body.");
  }
  const [first] = Value.Errors(schema, body);
  if (first !== undefined) throw badParameter(`Property ${first.path || "/"}: ${first.message}.`);
  return body;
}

function challenge(response: ServerResponse, problem: string): void {
  const message = `Request cannot be authenticated: ${problem}.`;
  sendJson(response, 401, new VaultError(401, "Unauthorized", message).body, {
    "www-authenticate": `Bearer authorization="${authority}", resource="${resource}"`,
  });
}

/** The refusal to answer with, or undefined if the other side is gone. */
function asVaultError(error: unknown): VaultError | undefined {
  if (error instanceof VaultError) return error;
  if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return undefined;
  return new VaultError(500, "InternalServerError", `The local vault failed: ${String(error)}`);
}
