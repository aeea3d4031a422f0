import { AsyncLocalStorage } from "node:async_hooks";

/** Something that would have touched another tenant than those that the work at hand is for. */
export class TenancyViolation extends Error {
  override readonly name = "TenancyViolation";
}

/** What one run of a function may touch. Known from the credential or the message, not from what the code asks for. */
export interface Boundary {
  /** Of the request that caused the run; goes along with each database request. */
  readonly requestId: string;
  /** The tenants that a verified credential or a validated message is for. */
  readonly admitted: Set<string>;
  /** Document requests of this run that the guard saw, and those that it refused. */
  readonly counts: { requests: number; refused: number };
  /** The only item that may be read, and nothing else, where a credential is being verified. */
  readonly lookup?: { readonly tenantId: string; readonly id: string };
}

const current = new AsyncLocalStorage<Boundary>();

/** Runs a function's work in a boundary of its own, which nobody is admitted to yet. Only the trigger wrappers do. */
export function openBoundary<T>(requestId: string, work: () => Promise<T>): Promise<T> {
  return current.run({ requestId, admitted: new Set(), counts: { requests: 0, refused: 0 } }, work);
}

/** The boundary of the work at hand; undefined where there is none, and nothing may be touched. */
export function currentBoundary(): Boundary | undefined {
  return current.getStore();
}

/** The boundary of the work at hand. Throws {@link TenancyViolation} where there is none. */
export function boundary(): Boundary {
  const found = currentBoundary();
  if (found === undefined) throw new TenancyViolation("outside of any boundary");
  return found;
}

/** Narrows the boundary to the reading of one item, whosever it is, for one call. */
export function lookingUp<T>(lookup: Required<Boundary>["lookup"], call: () => Promise<T>): Promise<T> {
  return current.run({ ...boundary(), lookup }, call);
}
