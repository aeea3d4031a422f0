import { boundary } from "./boundary.ts";

/**
 * Lets the work at hand touch a tenant. Called where a credential has been verified or a message validated, and
 * nowhere else: a dependency rule keeps everybody but `shared/auth` and the trigger wrappers from importing this file.
 */
export function admit(tenantId: string): void {
  boundary().admitted.add(tenantId);
}
