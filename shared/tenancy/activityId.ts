import { createHash } from "node:crypto";

/**
 * Makes the id under which the database files what a request asked of it from the request's own id, so that its record
 * and the app's log can be joined. A UUID (RFC 9562, version 8), as Azure's SDKs send in `x-ms-activity-id`:
 * https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-request-headers
 */
export function activityId(requestId: string): string {
  const hex = createHash("sha256").update(requestId).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
