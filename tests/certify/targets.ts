import type { TObject } from "@sinclair/typebox";
import { parameterNames } from "../../shared/triggers/contract.ts";
import { caseOf } from "../contracts/cases.ts";
import { isToken, missing, namesIn, replaced, strays } from "../contracts/strays.ts";
import type { Side } from "../contracts/side.ts";
import type { Operation, Request } from "../support/contracts.ts";

/** Requests of one operation on the own tenant, on the other, and on another thing of the own. */
export interface Prepared {
  readonly mine: Request;
  readonly other: Request;
  readonly sibling: Request;
}

/** What a request is aimed at instead of the caller's own thing. */
export interface Target {
  readonly label: string;
  readonly request: Request;
  /**
   * What who may use the operation at all must be answered: that there is no such thing, that the request does not match
   * its contract, exactly what is answered for the name of nothing, or what the request without it is answered.
   */
  readonly answer: "not_found" | "invalid_request" | { readonly as: Request } | "ignored";
}

/** Everything that a request of this operation can be aimed at, beside the caller's own. */
export async function targetsOf(operation: Operation, prepared: Prepared, foreign: Side): Promise<readonly Target[]> {
  return [
    ...parameters(operation, prepared),
    ...(await names(operation, prepared, foreign)),
    ...smuggled(operation, prepared, foreign),
  ];
}

function parameters({ contract }: Operation, { mine, other, sibling }: Prepared): readonly Target[] {
  const guests =
    contract.permission.startsWith("guest:") && parameterNames(contract.route).includes("videoId")
      ? [["another guest's", { ...mine, params: sibling.params ?? {} }] as const]
      : [];
  return [...strays(mine, other, sibling), ...guests].map(([label, request]) => {
    // A version that is known, as if it had leaked, opens nothing either.
    const version = label.includes("foreign") ? other.headers : mine.headers;
    return { label, request: { ...request, ...(version !== undefined && { headers: version }) }, answer: "not_found" };
  });
}

/** Fields of the body or the query that name another tenant's thing. */
async function names(operation: Operation, { mine }: Prepared, foreign: Side): Promise<readonly Target[]> {
  const fields = namesIn(operation).filter((path) => !isToken(path));
  return await Promise.all(
    fields.map(async (path) => {
      const theirs = (await caseOf(operation).names?.[path]?.(foreign)) ?? "";
      return {
        label: `foreign in ${path}`,
        request: replaced(mine, path, theirs),
        answer: { as: replaced(mine, path, missing(theirs)) },
      };
    }),
  );
}

/** The other tenant named where no tenant is asked for. */
function smuggled({ contract }: Operation, { mine }: Prepared, foreign: Side): readonly Target[] {
  const isObject = (contract.body as TObject | undefined)?.type === "object";
  const headers = { ...mine.headers, "x-tenant-id": foreign.id, "x-ms-client-principal-id": foreign.id };
  const fields: readonly Target[] = isObject
    ? [{ label: "tenant in the body", request: replaced(mine, "body/tenantId", foreign.id), answer: "invalid_request" }]
    : [];
  return [
    { label: "tenant in the query", request: replaced(mine, "query/tenantId", foreign.id), answer: "invalid_request" },
    { label: "tenant in a header", request: { ...mine, headers }, answer: "ignored" },
    ...fields,
  ];
}
