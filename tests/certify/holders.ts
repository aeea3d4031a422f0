import { decodeJwt } from "jose";
import { type Answer, signIn } from "../../local/client.ts";
import { permissions } from "../../shared/auth/permissions.ts";
import type { Contract } from "../../shared/triggers/contract.ts";
import { type ProblemCode, problems } from "../../shared/web/problem.ts";
import { allowed } from "../contracts/cases.ts";
import { type CallerName, type Side, callers, tokenOf } from "../contracts/side.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";

/** Whose credential is shown: the caller's own, that of the same caller of the other tenant, or one that lies about it. */
export type Credential = "own tenant's" | "other tenant's" | "claims the other tenant";

/** Somebody who calls, with what they show. */
export interface Holder {
  readonly caller: CallerName;
  readonly credential: Credential;
  readonly token: string | undefined;
}

/** They belong to no tenant, so there is no other tenant's one of them. */
const tenantless: readonly CallerName[] = ["operator", "person", "anonymous"];

/** Every caller there is with every credential that they can have. */
export async function holdersOf(own: Side, foreign: Side): Promise<readonly Holder[]> {
  const all = await Promise.all(callers.map((caller) => credentialsOf(caller, own, foreign)));
  return all.flat();
}

async function credentialsOf(caller: CallerName, own: Side, foreign: Side): Promise<readonly Holder[]> {
  const token = await tokenOf(own, caller);
  const mine: Holder = { caller, credential: "own tenant's", token };
  if (token === undefined) return [mine, { caller, credential: "claims the other tenant", token: foreign.id }];
  const lie: Holder = { caller, credential: "claims the other tenant", token: await liar(token, own, foreign) };
  if (tenantless.includes(caller)) return [mine, lie];
  return [mine, { caller, credential: "other tenant's", token: await tokenOf(foreign, caller) }, lie];
}

/** The same person signed in to the other tenant, or the credential with the other tenant's name put in. */
async function liar(token: string, own: Side, foreign: Side): Promise<string> {
  if (!isAccessToken(token)) return token.replace(own.id, foreign.id);
  const { email = "" } = decodeJwt<{ email?: string }>(token);
  return await signIn(stackUnderTest(), email, foreign.id);
}

function isAccessToken(token: string): boolean {
  return token.startsWith("eyJ");
}

/** What the permission matrix says of the holder, before anything else of the request is looked at. */
export function verdict(contract: Contract, { caller, credential, token }: Holder): "allowed" | ProblemCode {
  if (contract.permission === "public") return "allowed";
  if (caller === "anonymous" || token === undefined) return "unauthenticated";
  const lies = credential === "claims the other tenant";
  if (lies && !isAccessToken(token)) return "unauthenticated";
  if (lies && !tenantless.includes(caller) && !isForAnybody(contract)) return "forbidden";
  return allowed(contract, caller) ? "allowed" : "forbidden";
}

function isForAnybody({ permission }: Contract): boolean {
  const roles: readonly string[] = permission === "public" ? [] : permissions[permission];
  return roles.includes("person");
}

/** Whether the answer is this problem and no other. */
export function isRefusal(answer: Answer<{ readonly code?: string } | undefined>, code: ProblemCode): boolean {
  return answer.status === problems[code][0] && answer.body?.code === code;
}
