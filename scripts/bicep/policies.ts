import type { Policy } from "./policy.ts";
import { appPolicies } from "./policies/apps.ts";
import { databasePolicies } from "./policies/database.ts";
import { eventPolicies } from "./policies/events.ts";
import { identityPolicies } from "./policies/identities.ts";
import { operationPolicies } from "./policies/operations.ts";
import { storagePolicies } from "./policies/storage.ts";
import { vaultPolicies } from "./policies/vault.ts";

/** Every rule that an environment is held to by itself. */
export const policies: readonly Policy[] = [
  ...vaultPolicies,
  ...storagePolicies,
  ...databasePolicies,
  ...appPolicies,
  ...identityPolicies,
  ...eventPolicies,
  ...operationPolicies,
];
