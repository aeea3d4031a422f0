const codes: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  408: "RequestTimeout",
  409: "Conflict",
  410: "Gone",
  412: "PreconditionFailed",
  413: "RequestEntityTooLarge",
  424: "FailedDependency",
  429: "TooManyRequests",
  449: "RetryWith",
  500: "InternalServerError",
  503: "ServiceUnavailable",
};

/** Substatus of a request whose partition key does not fit the container or the document. */
export const PARTITION_KEY_MISMATCH = 1001;

/** A refusal in the words of the service: an HTTP status, its code name, a message and sometimes a substatus. */
export class CosmosError extends Error {
  override readonly name = "CosmosError";
  readonly status: number;
  readonly substatus: number | undefined;
  /** The query plan as JSON text; makes the SDK run a query through its own pipeline. */
  readonly additionalErrorInfo: string | undefined;

  constructor(status: number, message: string, details: { substatus?: number; additionalErrorInfo?: string } = {}) {
    super(message);
    this.status = status;
    this.substatus = details.substatus;
    this.additionalErrorInfo = details.additionalErrorInfo;
  }

  get body(): Record<string, string> {
    return {
      code: codes[this.status] ?? "Error",
      message: this.message,
      ...(this.additionalErrorInfo === undefined ? {} : { additionalErrorInfo: this.additionalErrorInfo }),
    };
  }
}

export function badRequest(message: string, substatus?: number): CosmosError {
  return new CosmosError(400, message, substatus === undefined ? {} : { substatus });
}

export function notFound(): CosmosError {
  return new CosmosError(404, "Entity with the specified id does not exist in the system.");
}

export function conflict(): CosmosError {
  return new CosmosError(409, "Entity with the specified id already exists in the system.");
}

export function preconditionFailed(): CosmosError {
  return new CosmosError(412, "One of the specified pre-condition is not met.");
}
