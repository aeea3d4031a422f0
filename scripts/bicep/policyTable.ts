import { policies } from "./policies.ts";
import { environmentPolicies } from "./policies/environments.ts";
import { environments } from "./snapshots.ts";

/** `bicep/policies.md`: every rule, what it proves something of, and where it holds. */
export function policyTable(): string {
  const rows = [
    ...policies.map(({ name, proves, on }) => [name, proves, (on ?? ["all"]).join(", ")]),
    ...environmentPolicies.map(({ name, proves }) => [name, proves, "all together"]),
  ];
  return [
    "# Rules of the infrastructure",
    "",
    `${rows.length} rules that \`npm run check:bicep\` holds each environment to (${environments.join(", ")}), on what Bicep`,
    "would ask Azure for. Each has a fault that breaks it and no other rule: `scripts/bicep/policies.test.ts`. S, D and T are",
    "the lines of the security list (`docs/security.md`); a trap of the platform is named by itself. Written by",
    "`npm run check:bicep -- --update`.",
    "",
    "| rule | of | where |",
    "| --- | --- | --- |",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
    "",
  ].join("\n");
}
