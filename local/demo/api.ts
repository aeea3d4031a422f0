import { type CallOptions, type StackAddresses, call } from "../client.ts";
import { LocalError } from "../service.ts";

/** The API said no. `code` is the problem's, e.g. `unsupported_type`. */
export class Refusal extends LocalError {
  readonly code: string;
  /** What the API said, for people. */
  readonly reason: string;

  constructor(operation: string, status: number, body: Partial<ProblemBody> | undefined) {
    const { code = "no_problem", title = "no reason given", detail, requestId } = body ?? {};
    const reason = detail === undefined ? title : `${title}: ${detail}`;
    super(
      `${operation} was refused with ${status} ${code}: ${reason}${requestId === undefined ? "" : ` (request ${requestId}, see functions.log)`}.`,
    );
    this.code = code;
    this.reason = reason;
  }
}

interface ProblemBody {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string;
}

/** Who calls: a party's bearer, and where the API is. */
export interface Session {
  readonly stack: StackAddresses;
  readonly token: string;
}

/** The answer's body. Throws {@link Refusal} for any status but 2xx. */
export async function ask<T>(
  { stack, token }: Pick<Session, "stack"> & { readonly token?: string },
  operation: string,
  options: Omit<CallOptions, "token" | "signal"> = {},
): Promise<T> {
  const answer = await call<T>(stack, operation, { ...options, token, signal: AbortSignal.timeout(30_000) });
  if (answer.status >= 200 && answer.status <= 299) return answer.body;
  throw new Refusal(operation, answer.status, answer.body as Partial<ProblemBody> | undefined);
}
