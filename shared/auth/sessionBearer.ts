import { now } from "../clock.ts";
import { credentialParts } from "../protection/oneTimeToken.ts";
import { UnprotectError, protector } from "../protection/protector.ts";
import { isTenantId } from "../tenancy/ids.ts";
import { Problem } from "../web/problem.ts";

/** Version of what a bearer says, as this build makes it. */
const version = 1;

/** How long any session is valid at most. */
export const sessionMs = 30 * 60_000;

/**
 * Sessions of one kind as bearers: `<prefix><tenant id>.<what it says, protected for the tenant and this use>`. `fields`
 * are what it says beside its version and its end.
 */
export class SessionBearer<Said extends Readonly<Record<string, string>>> {
  readonly #prefix: string;
  readonly #use: string;
  readonly #fields: readonly (keyof Said)[];

  constructor(prefix: string, use: string, fields: readonly (keyof Said)[]) {
    this.#prefix = prefix;
    this.#use = use;
    this.#fields = fields;
  }

  /** Whether a bearer looks like one of these, and not like an access token. */
  matches(bearer: string): boolean {
    return bearer.startsWith(this.#prefix);
  }

  /** A bearer that ends at the time, in milliseconds since 1970. */
  async make(
    tenantId: string,
    said: Said,
    exp: number,
  ): Promise<{ readonly bearer: string; readonly expiresAt: string }> {
    const payload = await protector(tenantId, this.#use).protectJson({ v: version, ...said, exp });
    return { bearer: `${this.#prefix}${tenantId}.${payload}`, expiresAt: new Date(exp).toISOString() };
  }

  /** What a bearer says, while it is valid. Throws `unauthenticated` alike for whatever is wrong or over. */
  async open(bearer: string): Promise<Said & { readonly tenantId: string }> {
    const [tenantId = "", payload = "", ...more] = credentialParts(bearer.slice(this.#prefix.length));
    if (more.length > 0 || !isTenantId(tenantId)) throw new Problem("unauthenticated");
    const said = await this.#unprotected(tenantId, payload);
    // During a slot swap the build before this one and the one after it open each other's: versions only add fields.
    const known = Math.abs((said.v ?? Number.NaN) - version) <= 1;
    const complete = known && this.#fields.every((field) => said[field] !== undefined);
    if (!complete || said.exp === undefined || said.exp <= now().getTime()) throw new Problem("unauthenticated");
    return { ...(said as Said), tenantId };
  }

  async #unprotected(tenantId: string, payload: string): Promise<Partial<Said> & { v?: number; exp?: number }> {
    try {
      return (await protector(tenantId, this.#use).unprotectJson(payload)) as Partial<Said>;
    } catch (error) {
      if (error instanceof UnprotectError) throw new Problem("unauthenticated");
      throw error;
    }
  }
}
