import { openBoundary, TenancyViolation, boundary } from "./boundary.ts";
import { dataContainer } from "./database.ts";
import { within } from "./guard.ts";

/** Two tenants that nobody is: no id is made at the beginning of 1970. */
const [probe, stranger] = ["tnt_00000000000000000000000000", "tnt_00000000000000000000000001"] as const;

/** Requests that reach beyond a tenant. They would change nothing if they got through. */
const intrusions: readonly (() => Promise<unknown>)[] = [
  () => dataContainer().item("probe", probe).read(),
  () => within([stranger], () => dataContainer().item("probe", stranger).read()),
  () => within([probe], () => dataContainer().item("probe", stranger).read()),
  () => within([probe], () => dataContainer().items.query(withoutPredicate, { partitionKey: probe }).fetchAll()),
];
const withoutPredicate = {
  query: "SELECT * FROM c WHERE c.kind = @kind",
  parameters: [{ name: "@kind", value: "probe" }],
};

/** Resolves if the guard stops each of them before it leaves this process; rejects otherwise: this app may not serve. */
export async function guardReady(): Promise<void> {
  await openBoundary("guard-ready", async () => {
    boundary().admitted.add(probe);
    for (const intrude of intrusions) await expectStopped(intrude);
  });
}

async function expectStopped(intrude: () => Promise<unknown>): Promise<void> {
  try {
    await intrude();
  } catch (error) {
    if (error instanceof TenancyViolation) return;
    throw error;
  }
  throw new Error("the guard let a request pass that reaches beyond its tenant");
}
