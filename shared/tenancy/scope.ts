import type { Protector } from "../protection/protector.ts";
import type { Change } from "./change.ts";
import type { Actor } from "./fact.ts";
import { defineKind } from "./kind.ts";
import type { TenantLog } from "./log.ts";
import type { TenantRepository } from "./repository.ts";

/** What a repeated POST is recognised by. */
export interface Idempotency {
  /** Id of the record: a hash of caller, operation and key. */
  readonly id: string;
  /** Hash of the request's body and path. */
  readonly body: string;
}

/** Who does what to which tenant: what a change writes beside what it changes. */
export interface ChangeContext {
  readonly tenantId: string;
  readonly actor: Actor;
  /** The function at work, by its name. */
  readonly action: string;
  readonly requestId: string;
  readonly source?: string;
  /** Goes into the first change of a request, then it is gone. */
  idempotency?: Idempotency;
}

/**
 * Everything of one tenant, and nothing else. The only way to its data. Made by `shared/auth` from a verified credential
 * and by the trigger wrappers from a validated path or message.
 */
export interface TenantScope {
  readonly tenantId: string;
  readonly actor: Actor;
  readonly action: string;
  readonly requestId: string;
  readonly repository: TenantRepository;
  readonly log: TenantLog;
  /** A new, empty state change of this tenant. */
  change(): Change;
  /** Encrypts for this tenant and this use only. */
  protector(use: string): Protector;
}

/** What a repeat needs to give the first answer again: ids, and protected texts. */
export type Remembered = Readonly<Record<string, string>>;

/** The first effect of this Idempotency-Key exists already: the caller answers from it. */
export class IdempotencyConflict extends Error {
  override readonly name = "IdempotencyConflict";
}

/** What an Idempotency-Key did first; kept for 24 hours. */
export const idempotencyKind = defineKind<{ readonly body: string; readonly result: Remembered }>("idempotency", {
  schemaVersion: 1,
  fields: { body: "secret", result: { "*": "secret" } },
  ttlSeconds: 86_400,
});
