import { randomUUID } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { SignJWT } from "jose";
import { sendJson, targetOf } from "./http.ts";
import { type LocalService, listen, stop } from "./service.ts";

/** The settings that App Service gives to an app with a managed identity. */
export interface IdentitySettings {
  readonly IDENTITY_ENDPOINT: string;
  readonly IDENTITY_HEADER: string;
}

const lifetime = 86_400;

/**
 * App Service's managed identity endpoint (REST protocol 2019-08-01): tokens for any resource, for whoever knows the
 * header. Put `settings` into the environment of the app before its first token. Plain http, as in App Service.
 */
export async function startIdentity({
  port,
}: {
  readonly port: number;
}): Promise<LocalService & { readonly settings: IdentitySettings }> {
  const header = randomUUID();
  const principal = { oid: randomUUID(), appid: randomUUID(), tid: randomUUID() };
  // The local services look at a token's claims only; a key that nobody keeps makes it a whole JWT all the same.
  const key = Buffer.from(randomUUID() + randomUUID());

  const tokenFor = async (resource: string) => {
    const now = Math.floor(Date.now() / 1000);
    const token = await new SignJWT({ ...principal, idtyp: "app", ver: "1.0" })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer(`https://sts.windows.net/${principal.tid}/`)
      .setAudience(resource)
      .setSubject(principal.oid)
      .setIssuedAt(now)
      .setNotBefore(now - 300)
      .setExpirationTime(now + lifetime)
      .sign(key);
    return {
      access_token: token,
      expires_on: String(now + lifetime),
      resource,
      token_type: "Bearer",
      client_id: principal.appid,
    };
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const target = targetOf(request);
    const refuse = (statusCode: number, message: string) => {
      sendJson(response, statusCode, { statusCode, message });
    };
    if (request.method !== "GET" || target.pathname !== "/msi/token") {
      refuse(404, "The identity endpoint is GET /msi/token.");
      return;
    }
    // The header is what keeps a page or a fetch tricked into calling this address from getting a token.
    if (request.headers["x-identity-header"] !== header) {
      refuse(401, "X-IDENTITY-HEADER is missing or wrong.");
      return;
    }
    if (target.searchParams.get("api-version") !== "2019-08-01") {
      refuse(400, "api-version must be 2019-08-01.");
      return;
    }
    const resource = target.searchParams.get("resource");
    if (resource === null || resource === "") {
      refuse(400, "resource is missing.");
      return;
    }
    sendJson(response, 200, await tokenFor(resource));
  };

  const server = createServer((request, response) => {
    void answer(request, response);
  });
  const url = `http://127.0.0.1:${await listen(server, port, "identity")}`;
  return {
    url,
    settings: { IDENTITY_ENDPOINT: `${url}/msi/token`, IDENTITY_HEADER: header },
    close: () => stop(server),
  };
}
