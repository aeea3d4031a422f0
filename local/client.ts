import { localSignIn } from "./issuer.ts";
import { LocalError } from "./service.ts";

/** Where a running stack answers; the part of `.local/stack.json` that a client needs. */
export interface StackAddresses {
  readonly apiUrl: string;
  readonly issuerUrl: string;
  readonly mailUrl: string;
}

/** Signs in at the local issuer. `tenantId` is remembered there for the next time. */
export async function signIn(
  { issuerUrl }: Pick<StackAddresses, "issuerUrl">,
  email: string,
  tenantId?: string,
  expiresIn?: number,
): Promise<string> {
  const answer = await fetch(`${issuerUrl}/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: localSignIn,
      email,
      ...(tenantId !== undefined && { tenant: tenantId }),
      ...(expiresIn !== undefined && { expires_in: String(expiresIn) }),
    }),
  });
  const body = (await answer.json()) as { access_token?: string; error_description?: string };
  if (body.access_token === undefined)
    throw new LocalError(`The local issuer refused ${email}: ${body.error_description ?? answer.statusText}.`);
  return body.access_token;
}

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
  readonly text: string;
}

export interface CallOptions {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Calls the API, e.g. `call(stack, "GET /v1/tenant", { token })`. Never throws for a status. */
export async function call<T = unknown>(
  { apiUrl }: Pick<StackAddresses, "apiUrl">,
  operation: string,
  { token, body, headers = {}, signal }: CallOptions = {},
): Promise<Answer<T>> {
  const [method = "GET", path = "/"] = operation.split(" ");
  const answer = await fetch(`${apiUrl}${path}`, {
    method,
    redirect: "manual",
    ...(signal !== undefined && { signal }),
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json") === true;
  return { status: answer.status, headers: answer.headers, text, body: (isJson ? JSON.parse(text) : undefined) as T };
}

/** {@link call}, for who expects the status. Throws with what the API said instead. */
export async function expectCall<T = unknown>(
  stack: Pick<StackAddresses, "apiUrl">,
  operation: string,
  status: number,
  options: CallOptions = {},
): Promise<Answer<T>> {
  const answer = await call<T>(stack, operation, options);
  if (answer.status !== status) throw new LocalError(`${operation} answered ${answer.status}: ${answer.text}`);
  return answer;
}

export interface Mail {
  readonly content: { readonly subject: string; readonly plainText?: string; readonly html?: string };
}

/** The newest mail to an address, waited for. */
export async function newestMail(
  { mailUrl }: Pick<StackAddresses, "mailUrl">,
  to: string,
  seconds = 20,
): Promise<Mail> {
  return await until(`a mail to ${to}`, seconds, async () => (await messagesTo({ mailUrl }, to))[0]);
}

/** All mails to an address, the newest first. */
export async function messagesTo({ mailUrl }: Pick<StackAddresses, "mailUrl">, to: string): Promise<readonly Mail[]> {
  const answer = await fetch(`${mailUrl}/messages?to=${encodeURIComponent(to)}`);
  return ((await answer.json()) as { messages: readonly Mail[] }).messages;
}

/** Asks again until there is an answer; throws after the given seconds, and says what it waited for. */
export async function until<T>(
  what: string | (() => string),
  seconds: number,
  ask: () => Promise<T | undefined>,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new LocalError(`Waited ${seconds} s for ${typeof what === "string" ? what : what()}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The one-time token in the text of an invitation's mail. */
export function invitationToken(mail: Mail): string {
  const token = /tnt_[0-9A-Z]{26}\.inv_[0-9A-Z]{26}\.[\w-]{43}/u.exec(mail.content.plainText ?? "")?.[0];
  if (token === undefined) throw new LocalError("The invitation's mail has no token.");
  return token;
}
