import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmailClient, type EmailMessage } from "@azure/communication-email";
import { ManagedIdentityCredential } from "@azure/identity";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { loadCertificates, trust } from "./certificates.ts";
import { startIdentity } from "./identity.ts";
import { type ReceivedMail, startMail } from "./mail.ts";
import { type Certificates, LocalError, type LocalService } from "./service.ts";

let dir: string;
let tls: Certificates;
let identity: Awaited<ReturnType<typeof startIdentity>>;
let mail: LocalService;
let client: EmailClient;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "callpilot-mail-"));
  tls = await loadCertificates(join(dir, "tls"));
  trust(tls.ca);
  identity = await startIdentity({ port: 0 });
  vi.stubEnv("IDENTITY_ENDPOINT", identity.settings.IDENTITY_ENDPOINT);
  vi.stubEnv("IDENTITY_HEADER", identity.settings.IDENTITY_HEADER);
  mail = await startMail({ port: 0, dataDir: join(dir, "mail"), tls });
  client = new EmailClient(mail.url, new ManagedIdentityCredential());
});

afterAll(async () => {
  await Promise.all([mail.close(), identity.close()]);
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

const message = (to: string, subject: string, html?: string): EmailMessage => ({
  senderAddress: "no-reply@example.com",
  content: { subject, plainText: `Text of ${subject}: https://example.com/a?b=1&c=2`, ...(html && { html }) },
  recipients: { to: [{ address: to, displayName: "Someone" }] },
});

async function received(to: string, url = mail.url): Promise<ReceivedMail[]> {
  const answer = await fetch(`${url}/messages?to=${encodeURIComponent(to)}`);
  return ((await answer.json()) as { messages: ReceivedMail[] }).messages;
}

test("what is sent arrives, the newest first", async () => {
  for (const subject of ["one", "two"]) {
    const poller = await client.beginSend(message("anna@example.com", subject));
    expect((await poller.pollUntilDone()).status).toBe("Succeeded");
  }
  const mails = await received("Anna@example.com");
  expect(mails.map(({ content }) => content.subject)).toEqual(["two", "one"]);
  expect(mails[0]).toMatchObject({ senderAddress: "no-reply@example.com", receivedAt: expect.any(String) as string });
  expect(await received("other@example.com")).toEqual([]);
});

test("a message sent again under its operation id is delivered once", async () => {
  const operationId = randomUUID();
  const send = () => client.beginSend(message("ben@example.com", "once"), { operationId });
  const pollers = await Promise.all([send(), send()]);
  pollers.push(await send());
  expect(pollers.map((poller) => poller.getResult()?.id)).toEqual([operationId, operationId, operationId]);
  expect(await received("ben@example.com")).toHaveLength(1);
});

test("nobody sends without a token, and nothing without a recipient", async () => {
  const answer = await fetch(`${mail.url}/emails:send?api-version=2023-03-31`, { method: "POST", body: "{}" });
  expect(answer.status).toBe(401);
  const nobody = { ...message("x@example.com", "x"), recipients: { to: [] } };
  await expect(client.beginSend(nobody)).rejects.toMatchObject({ statusCode: 400, code: "BadRequest" });
});

test("the page shows mails and runs nothing of them", async () => {
  const hostile = '</iframe><script>alert("x")</script>';
  await client.beginSend(message("carl@example.com", `<img src=x onerror=alert(1)> ${hostile}`, hostile));
  const answer = await fetch(mail.url);
  expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  const page = await answer.text();
  expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;");
  expect(page).toContain("&lt;/iframe&gt;&lt;script&gt;");
  expect(page).not.toContain("<script");
  expect(page).not.toContain("<img");
  expect(page).toContain('<a href="https://example.com/a?b=1&amp;c=2"');
});

test("the mailbox and its operation ids outlive the process", async () => {
  const operationId = randomUUID();
  await client.beginSend(message("dora@example.com", "kept"), { operationId });
  // Nothing is closed before: as after a kill.
  const again = await startMail({ port: 0, dataDir: join(dir, "mail"), tls });
  await new EmailClient(again.url, new ManagedIdentityCredential()).beginSend(message("dora@example.com", "kept"), {
    operationId,
  });
  expect(await received("dora@example.com", again.url)).toHaveLength(1);
  await again.close();

  const damaged = join(dir, "damaged");
  await (await startMail({ port: 0, dataDir: damaged, tls })).close();
  await writeFile(join(damaged, "x.json"), "{}");
  await expect(startMail({ port: 0, dataDir: damaged, tls })).rejects.toThrow(LocalError);
});
