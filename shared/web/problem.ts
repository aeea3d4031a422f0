/**
 * Every way an operation can fail, by the `code` that clients program against. Status and title belong to the code; the
 * detail belongs to the case. RFC 9457.
 */
export const problems = {
  malformed_json: [400, "The body is not valid JSON"],
  empty_body: [400, "A JSON body is required"],
  invalid_request: [400, "The request does not match its contract"],
  invalid_cursor: [400, "The cursor is not valid for this list"],
  invalid_idempotency_key: [400, "The Idempotency-Key is not valid"],
  invalid_precondition: [400, "The precondition header is not valid"],
  unauthenticated: [401, "A valid credential is required"],
  link_invalid: [401, "This link is not valid"],
  invitation_invalid: [401, "This invitation is not valid"],
  forbidden: [403, "You may not do this"],
  scope_escalation: [403, "A key gives no more than its maker has"],
  owner_only: [403, "Only an owner may do this"],
  tenant_suspended: [403, "This account is suspended"],
  consent_required: [403, "Consent is required first"],
  not_found: [404, "Not found"],
  invalid_transition: [409, "Not possible in the current state"],
  name_taken: [409, "This name is taken"],
  exists: [409, "This already exists"],
  last_owner: [409, "A tenant keeps at least one owner"],
  duplicate_ref: [409, "This external reference is used already"],
  quota_exceeded: [409, "A quota of this account is used up"],
  unchanged: [409, "There is nothing new to publish"],
  final: [409, "This survey is closed"],
  submitted: [409, "This survey is submitted"],
  stale_version: [409, "There is a newer version"],
  missing_required: [409, "Required answers are missing"],
  missing_blocks: [409, "Parts of the video have not arrived"],
  not_granted: [409, "This access is not granted"],
  not_ready: [409, "This video is not ready yet"],
  not_sealed: [409, "There is no evidence of this video yet"],
  not_failed: [409, "The processing of this video has not failed"],
  legal_hold: [409, "This is kept for legal reasons"],
  in_progress: [409, "The same request is being handled"],
  conflict: [409, "Somebody else changed this at the same time"],
  link_expired: [410, "This link has expired"],
  link_replaced: [410, "This link was replaced by a newer one"],
  session_expired: [410, "The time for this upload is over"],
  expired: [410, "This is no longer available"],
  stale: [412, "The resource has changed"],
  body_too_large: [413, "The body is too large"],
  too_large: [413, "The video is too large"],
  unsupported_media_type: [415, "The content type is not supported"],
  unsupported_type: [415, "This type of file is not supported"],
  invalid_answer: [422, "The answer does not fit the question"],
  questions: [422, "The questions are not valid"],
  size_mismatch: [422, "The size is not the declared one"],
  unsafe_url: [422, "This address may not be used"],
  policy: [422, "This does not fit the policy"],
  idempotency_mismatch: [422, "The Idempotency-Key was used for another request"],
  precondition_required: [428, "A precondition is required"],
  rate_limited: [429, "Too many requests"],
  internal: [500, "Something went wrong on our side"],
  unavailable: [503, "Temporarily not available"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof problems;

/** One member of `errors`: what is wrong where, the place as a JSON pointer (RFC 6901). */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

export interface ProblemDetails {
  /** What is wrong in this case and what to do about it. */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Further members of the answer, e.g. the allowed transitions. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Seconds after which a repeat may succeed. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

/** A failure that the caller is told about. Thrown anywhere below an endpoint, rendered once, by the endpoint. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(details.detail ?? problems[code][1], { cause: details.cause });
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return problems[this.code][0];
  }
}

/** `invalid_request` with one fault: what is wrong with which part of the request. */
export function invalidField(pointer: string, code: string, message: string): Problem {
  return new Problem("invalid_request", { errors: [{ pointer, code, message }] });
}

/** The `application/problem+json` body of a problem. */
export function problemBody(problem: Problem, requestId: string): Record<string, unknown> {
  const { detail, errors, more } = problem.details;
  return {
    type: `urn:callpilot:problem:${problem.code}`,
    title: problems[problem.code][1],
    status: problem.status,
    ...(detail !== undefined && { detail }),
    code: problem.code,
    requestId,
    ...(errors !== undefined && { errors }),
    ...more,
  };
}

export function isProblem(error: unknown, code?: ProblemCode): error is Problem {
  return error instanceof Problem && (code === undefined || error.code === code);
}
