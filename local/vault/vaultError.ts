/** A refusal as Key Vault words it: `{"error":{"code","message","innererror"?}}`. */
export class VaultError extends Error {
  override readonly name = "VaultError";
  readonly status: number;
  readonly code: string;
  readonly innerCode: string | undefined;

  constructor(status: number, code: string, message: string, innerCode?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.innerCode = innerCode;
  }

  get body(): unknown {
    const innererror = this.innerCode === undefined ? undefined : { code: this.innerCode };
    return { error: { code: this.code, message: this.message, innererror } };
  }
}

export function badParameter(message: string): VaultError {
  return new VaultError(400, "BadParameter", message);
}
