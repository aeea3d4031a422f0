/** Why a request got no answer. */
export type OutboundError = "unsafe_url" | "dns" | "timeout" | "tls" | "connection";

export class OutboundFailure extends Error {
  override readonly name = "OutboundFailure";
  readonly reason: OutboundError;
  constructor(reason: OutboundError, options?: ErrorOptions) {
    super(`The request got no answer: ${reason}`, options);
    this.reason = reason;
  }
}
