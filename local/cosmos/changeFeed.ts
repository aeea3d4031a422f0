import { render } from "./documents.ts";
import { badRequest } from "./errors.ts";
import type { PartitionRange } from "./partitionKey.ts";
import type { Container, Item } from "./model.ts";
import type { Store } from "./store.ts";

const DEFAULT_PAGE = 100;

/** Headers of a change feed request. */
export interface FeedRequest {
  /** The ETag of the page before, or `*` to start from now. */
  readonly ifNoneMatch: string | undefined;
  /** An HTTP date: only what was written since. */
  readonly ifModifiedSince: string | undefined;
  readonly pageSize: string | undefined;
}

export interface FeedPage {
  /** Continues after this page: the LSN of its last document, quoted. */
  readonly etag: string;
  /** Empty: answer 304. */
  readonly documents: readonly Item[];
}

function parseLsn(etag: string): number {
  const lsn = Number(/^"?(\d{1,15})"?$/u.exec(etag)?.[1] ?? Number.NaN);
  if (Number.isNaN(lsn)) throw badRequest("The continuation of the change feed is malformed.");
  return lsn;
}

/**
 * The latest version of every document written after a point, in the order of their transactions. Deleted and expired
 * documents, and versions that were overwritten, do not show. A transaction is never split between two pages.
 * @see https://learn.microsoft.com/azure/cosmos-db/change-feed-modes#latest-version-change-feed-mode
 */
export function readChangeFeed(
  store: Store,
  container: Container,
  range: PartitionRange,
  { ifNoneMatch, ifModifiedSince, pageSize }: FeedRequest,
): FeedPage {
  const latest = store.lsn(container);
  if (ifNoneMatch === "*") return { etag: `"${latest}"`, documents: [] };
  const after = ifNoneMatch === undefined ? 0 : parseLsn(ifNoneMatch);
  const since = ifModifiedSince === undefined ? 0 : Math.floor(Date.parse(ifModifiedSince) / 1000);
  if (Number.isNaN(since)) throw badRequest("If-Modified-Since is not a date.");
  const asked = Number(pageSize ?? DEFAULT_PAGE);
  const limit = asked > 0 ? asked : DEFAULT_PAGE;
  const documents = store.changes(container, range, after, since, limit);
  const last = documents.at(-1);
  // Nothing left: the next page starts at what is written from now on.
  if (last === undefined) return { etag: `"${Math.max(latest, after)}"`, documents: [] };
  return {
    etag: `"${last.lsn}"`,
    documents: documents.map((document) => ({ ...render(container, document), _lsn: document.lsn })),
  };
}
