import { createHash } from "node:crypto";
import { type Protector, UnprotectError } from "../protection/protector.ts";
import { Problem } from "../web/problem.ts";

/** Places in a list, as clients carry them from page to page. */
export interface Cursors {
  make(place: unknown): Promise<string>;
  /** The place. Throws `invalid_cursor` for a cursor of another tenant or query, or none. */
  open(cursor: string): Promise<unknown>;
}

/** Cursors of one tenant, whose protectors these are, and of one query. */
export function cursorsOf(protector: (use: string) => Protector, ...query: readonly unknown[]): Cursors {
  const hash = createHash("sha256").update(JSON.stringify(query)).digest("base64url").slice(0, 22);
  const { protectJson, unprotectJson } = protector(`cursor:${hash}`);
  return {
    make: protectJson,
    open: async (cursor) => {
      try {
        return await unprotectJson(cursor);
      } catch (error) {
        if (error instanceof UnprotectError) throw new Problem("invalid_cursor");
        throw error;
      }
    },
  };
}
