import { randomUUID } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { monotonicFactory } from "ulid";
import { bearerProblem } from "./bearer.ts";
import { TooLarge, readText, sendJson, targetOf } from "./http.ts";
import { mailPage, mailPagePolicy } from "./mailPage.ts";
import { type Certificates, type LocalService, listen, stop } from "./service.ts";
import { parseState, textOf, writeDurably } from "./stateFile.ts";

const Address = Type.Object({ address: Type.String(), displayName: Type.Optional(Type.String()) });
const Addresses = Type.Array(Address);

/** Body of `POST /emails:send` (Azure Communication Services, 2023-03-31 and later). */
const EmailMessage = Type.Object({
  senderAddress: Type.String({ minLength: 1 }),
  content: Type.Object({
    subject: Type.String(),
    plainText: Type.Optional(Type.String()),
    html: Type.Optional(Type.String()),
  }),
  recipients: Type.Object({
    to: Type.Array(Address, { minItems: 1 }),
    cc: Type.Optional(Addresses),
    bcc: Type.Optional(Addresses),
  }),
  replyTo: Type.Optional(Addresses),
  headers: Type.Optional(Type.Record(Type.String(), Type.String())),
  attachments: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), contentType: Type.String(), contentInBase64: Type.String() })),
  ),
});

const ReceivedMail = Type.Intersect([
  Type.Object({
    /** In order of arrival. */
    id: Type.String(),
    operationId: Type.String(),
    receivedAt: Type.String(),
  }),
  EmailMessage,
]);
/** A message as it was sent, with when it came. */
export type ReceivedMail = Static<typeof ReceivedMail>;

const audience = "https://communication.azure.com";
/** Azure's limit for a message with its attachments, in bytes. */
const maxSize = 10_485_760;

/**
 * Azure Communication Services' e-mail interface over https. It delivers into a mailbox that survives SIGKILL:
 * `GET /` shows it as a page, `GET /messages?to=<address>` as JSON, the newest first. A message that is sent again
 * under the same `Operation-Id` is delivered once.
 */
export async function startMail({
  port,
  dataDir,
  tls,
}: {
  readonly port: number;
  readonly dataDir: string;
  readonly tls: Certificates;
}): Promise<LocalService> {
  const mails = await storedMails(dataDir);
  const deliveries = new Map(mails.map((mail) => [mail.operationId, Promise.resolve()]));
  const nextId = monotonicFactory();
  let url = "";

  const deliver = async (operationId: string, message: Static<typeof EmailMessage>) => {
    const mail = { ...message, id: nextId(), operationId, receivedAt: new Date().toISOString() };
    await writeDurably(join(dataDir, `${mail.id}.json`), JSON.stringify(mail));
    mails.push(mail);
  };

  const send = async (request: IncomingMessage, response: ServerResponse) => {
    const message = await messageOf(request);
    const operationId = String(request.headers["operation-id"] ?? randomUUID()).toLowerCase();
    const delivery = deliveries.get(operationId) ?? deliver(operationId, message);
    deliveries.set(operationId, delivery);
    await delivery.catch((error: unknown) => {
      deliveries.delete(operationId);
      throw error;
    });
    const location = `${url}/emails/operations/${operationId}${targetOf(request).search}`;
    sendJson(response, 202, { id: operationId, status: "Running" }, { "operation-location": location });
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = targetOf(request);
    const line = `${request.method ?? ""} ${pathname}`;
    if (line === "GET /") {
      response.writeHead(200, mailPagePolicy).end(mailPage(mails.toReversed()));
    } else if (line === "GET /messages") {
      sendJson(response, 200, { messages: mailsTo(mails, searchParams.get("to")).toReversed() });
    } else if (line === "POST /emails:send") {
      refuseStranger(request);
      await send(request, response);
    } else if (line.startsWith("GET /emails/operations/")) {
      refuseStranger(request);
      const id = pathname.split("/").at(-1) ?? "";
      if (!deliveries.has(id)) throw new MailError(404, "NotFound", `There is no operation ${id}.`);
      sendJson(response, 200, { id, status: "Succeeded" });
    } else {
      throw new MailError(404, "NotFound", "There is no such address.");
    }
  };

  const server = createServer({ key: tls.key, cert: tls.cert }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (error instanceof MailError) sendJson(response, error.status, error.body);
      else response.destroy(error as Error);
    });
  });
  url = `https://localhost:${await listen(server, port, "mail")}`;
  return { url, close: () => stop(server) };
}

/** A refusal as Azure Communication Services words it. */
class MailError extends Error {
  override readonly name = "MailError";
  readonly status: number;
  readonly body: object;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.body = { error: { code, message } };
  }
}

function refuseStranger(request: IncomingMessage): void {
  const problem = bearerProblem(request, audience);
  if (problem !== undefined) throw new MailError(401, "Unauthorized", `Request cannot be authenticated: ${problem}.`);
}

async function messageOf(request: IncomingMessage): Promise<Static<typeof EmailMessage>> {
  let message: unknown;
  try {
    message = JSON.parse(await readText(request, maxSize));
  } catch (error) {
    if (error instanceof TooLarge)
      throw new MailError(413, "RequestEntityTooLarge", `The message has ${error.message}.`);
    throw new MailError(400, "BadRequest", "The body is not JSON.");
  }
  const [first] = Value.Errors(EmailMessage, message);
  if (first !== undefined) throw new MailError(400, "BadRequest", `${first.path || "/"}: ${first.message}.`);
  return Value.Decode(EmailMessage, message);
}

async function storedMails(dataDir: string): Promise<ReceivedMail[]> {
  await mkdir(dataDir, { recursive: true });
  const files = (await readdir(dataDir)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(
    files.map(async (name) => {
      const file = join(dataDir, name);
      return parseState(file, ReceivedMail, (await textOf(file)) ?? "");
    }),
  );
}

function mailsTo(mails: readonly ReceivedMail[], address: string | null): readonly ReceivedMail[] {
  if (address === null) return mails;
  const wanted = address.toLowerCase();
  return mails.filter(({ recipients: { to, cc = [], bcc = [] } }) =>
    [...to, ...cc, ...bcc].some((recipient) => recipient.address.toLowerCase() === wanted),
  );
}
