import { vi } from "vitest";

/** Settings that name nothing, for a test that needs none but its own. */
export function stubSettings(own: Readonly<Record<string, string>> = {}): void {
  const nowhere = "https://localhost";
  const settings = {
    CALLPILOT_ENVIRONMENT: "local",
    CALLPILOT_ROLE: "all",
    API_PUBLIC_URL: nowhere,
    GUEST_LINK_URL: `${nowhere}/s`,
    COSMOS__accountEndpoint: nowhere,
    COSMOS_DATABASE: "unused",
    DATA_ACCOUNT: "unused",
    DATA__blobServiceUri: nowhere,
    DATA__queueServiceUri: nowhere,
    VAULT_URL: nowhere,
    OIDC_ISSUER: nowhere,
    OIDC_AUDIENCE: "unused",
    OIDC_TENANT_CLAIM: "unused",
    MAIL_ENDPOINT: nowhere,
    MAIL_SENDER: "unused",
    ...own,
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
}
