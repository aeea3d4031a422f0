import { app } from "@azure/functions";
import { scopesOf } from "../../shared/auth/permissions.ts";
import { createKey as create, createdKey } from "../../shared/keys/createKey.ts";
import { KeyDraft, NewKeyView } from "../../shared/keys/keyView.ts";
import { endpoint } from "../../shared/triggers/endpoint.ts";

/** Makes a credential for another system of the tenant's. */
export const createKey = endpoint({
  method: "POST",
  route: "keys",
  permission: "keys:manage",
  summary: "Create a service key",
  description:
    "The answer shows the credential, this once. A key does at most what its maker may do, for at most 365 days; one that is made by a key ends with it. Of 50 keys, one that has ended makes room for the next.",
  body: KeyDraft,
  success: { status: 201, body: NewKeyView },
  errors: ["scope_escalation", "quota_exceeded", "expired"],
  handler: ({ body, caller, tenant }) => {
    const key = caller.type === "service" ? { key: caller.key } : {};
    return create(tenant, { id: caller.id, scopes: scopesOf(caller), ...key }, body);
  },
  repeat: ({ tenant }, first) => createdKey(tenant, first),
});
app.http("createKey", createKey);
