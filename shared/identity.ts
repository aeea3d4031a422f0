import { ManagedIdentityCredential, type TokenCredential } from "@azure/identity";
import { lazy } from "./lazy.ts";

/** The app's own identity in every environment: no key, connection string or client secret exists beside it. */
export const identity: () => TokenCredential = lazy(() => new ManagedIdentityCredential());
