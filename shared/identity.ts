import { ManagedIdentityCredential, type TokenCredential } from "@azure/identity";
import { lazy } from "./lazy.ts";

/** The app's own identity in every environment: no key, connection string or client secret exists beside it. */
export const identity: () => TokenCredential = lazy(() => {
  const managed = new ManagedIdentityCredential();
  return { getToken: (scopes, options) => inTime(managed.getToken(scopes, options)) };
});

/** The platform gave no token in time. */
export class IdentityUnavailable extends Error {
  override readonly name = "IdentityUnavailable";
}

const limitMs = 20_000;

/** The credential heeds no signal and has no limit of its own, so that all who wait for the token would wait for ever. */
async function inTime<T>(token: Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(limitMs);
  const late = new Promise<never>((_resolve, reject) => {
    limit.addEventListener("abort", () => {
      reject(new IdentityUnavailable("No token was given in time."));
    });
  });
  return await Promise.race([token, late]);
}
