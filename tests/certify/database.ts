import type { RequestRecord } from "../../local/cosmos/requestLog.ts";
import { activityId } from "../../shared/tenancy/activityId.ts";
import { callerFor, isPlatforms, requestOn } from "../contracts/cases.ts";
import { isToken, namesIn } from "../contracts/strays.ts";
import type { Operation } from "../support/contracts.ts";
import type { Section } from "./ledger.ts";
import type { Run, Seen } from "./run.ts";

const controls = {
  predicate: "a query left without the tenant predicate: shared/tenancy/repository.ts",
  key: "a request without the full partition key: shared/tenancy/repository.ts, shared/tenancy/guard.ts",
  tenant: "a request for another tenant than the credential's: shared/tenancy/boundary.ts, shared/auth/authenticate.ts",
  none: "a function that answers without having asked the database: nothing of it is proven",
};

/** What the database itself recorded of this whole run, and at least while each function worked on its caller's own. */
export async function database(run: Run, section: Section, onProgress: (share: number) => void): Promise<void> {
  const touching = run.operations.filter(touchesData);
  const twins = new Map<string, Seen>();
  for (const [at, operation] of touching.entries()) {
    const { name, contract } = operation;
    const attempt = { operation: name, caller: callerFor(operation), credential: "own tenant's", target: "own" };
    twins.set(name, await run.ask(attempt, contract, await requestOn(run.own, operation), run.own));
    onProgress((0.9 * (at + 1)) / touching.length);
  }
  const records = (await run.recordedRequests()).filter(isOfApp);
  section.count("database requests examined", records.length);
  for (const record of records) judgeForm(section, record);
  const byActivity = Map.groupBy(records, (record) => record.activityId);
  const platforms = new Set(
    run.operations.filter(({ contract }) => isPlatforms(contract.permission)).map(({ name }) => name),
  );
  for (const seen of run.seen)
    for (const record of byActivity.get(activityId(seen.requestId)) ?? [])
      // What an operator asks for is done in the tenant that it is about, by a message, under the same id.
      if (!platforms.has(seen.attempt.operation)) judgeTenant(section, seen, record);
  for (const [name, seen] of twins) {
    const asked = byActivity.get(activityId(seen.requestId)) ?? [];
    const own = seen.partitions.some((tenantId) => asked.some((record) => tenantOf(record) === tenantId));
    if (own) section.countDistinct("functions seen to ask for their caller's own", name);
    else
      section.violate({
        ...seen.attempt,
        ...{ expected: "at least one request for the caller's tenant", got: `${asked.length} requests` },
        ...{ request: seen.line, requestId: seen.requestId, control: controls.none },
      });
  }
}

/** Whatever asks for a credential, or takes a one-time token in place of one. */
function touchesData(operation: Operation): boolean {
  return operation.contract.permission !== "public" || namesIn(operation).some(isToken);
}

/** Items that the app asked for; plans hold nothing. */
function isOfApp({ operation, from }: RequestRecord): boolean {
  return from === "app" && operation.startsWith("document.") && operation !== "document.queryPlan";
}

/** What the database says of the request: whether it names the full key, and keeps to that key's tenant by itself. */
function judgeForm(section: Section, record: RequestRecord): void {
  const { operation, container = "", violation, sequence } = record;
  if (violation === undefined) return;
  section.violate({
    ...{ operation, caller: "the app itself", credential: "none", target: container },
    expected: "the full partition key of a tenant, and a query or an item that is that tenant's by itself",
    got: `${told(record)}: ${violation}`,
    request: `request ${sequence} of the database's record`,
    control: operation === "document.query" ? controls.predicate : controls.key,
  });
}

function judgeTenant(section: Section, seen: Seen, record: RequestRecord): void {
  section.count("of them compared with the credential that caused them");
  if (seen.partitions.includes(tenantOf(record))) return;
  section.violate({
    ...seen.attempt,
    expected: `requests for ${seen.partitions.join(" or ")} only`,
    got: told(record),
    request: seen.line,
    requestId: seen.requestId,
    control: controls.tenant,
  });
}

function told({ operation, container = "", partitionKey = "none" }: RequestRecord): string {
  return `${operation} on ${container}, partition key ${partitionKey}`;
}

function tenantOf({ partitionKey = "[]" }: RequestRecord): string {
  return String((JSON.parse(partitionKey) as readonly unknown[])[0]);
}
