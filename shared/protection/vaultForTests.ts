import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyClient } from "@azure/keyvault-keys";
import { vi } from "vitest";
import { loadCertificates, trust } from "../../local/certificates.ts";
import { startIdentity } from "../../local/identity.ts";
import type { Certificates, LocalService } from "../../local/service.ts";
import { startVault } from "../../local/vault/vault.ts";
import { identity } from "../identity.ts";
import { wrappingKeyName } from "./vault.ts";

export interface VaultForTests {
  readonly dir: string;
  readonly tls: Certificates;
  readonly vault: LocalService;
  close(): Promise<void>;
}

/** An identity endpoint and a vault of a test file's own, named in the settings that config() reads. */
export async function startVaultForTests(settings: Record<string, string> = {}): Promise<VaultForTests> {
  const dir = await mkdtemp(join(tmpdir(), "callpilot-vault-"));
  const tls = await loadCertificates(join(dir, "tls"));
  trust(tls.ca);
  const msi = await startIdentity({ port: 0 });
  const vault = await startVault({ port: 0, dataDir: join(dir, "vault"), tls });
  const all = { ...baseSettings, VAULT_URL: vault.url, ...msi.settings, ...settings };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
  const keys = new KeyClient(vault.url, identity(), { disableChallengeResourceVerification: true });
  await keys.createRsaKey(wrappingKeyName, { keySize: 2048, keyOps: ["wrapKey", "unwrapKey"] });
  return {
    dir,
    tls,
    vault,
    close: async () => {
      await Promise.all([vault.close(), msi.close()]);
      vi.unstubAllEnvs();
      await rm(dir, { recursive: true });
    },
  };
}

/** Lets the next requests to the vault go wrong; `times: 0` ends it. */
export async function planFault(vault: LocalService, fault: Fault): Promise<void> {
  const answer = await fetch(`${vault.url}/_local/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fault),
  });
  if (!answer.ok) throw new Error(`The vault refused the fault: ${await answer.text()}`);
}

type Fault = { readonly times: number } & (
  { readonly status: number; readonly innerCode?: string } | { readonly hang: true } | { readonly reset: true }
);

const baseSettings = {
  CALLPILOT_ENVIRONMENT: "local",
  CALLPILOT_ROLE: "all",
  API_PUBLIC_URL: "https://localhost",
  GUEST_LINK_URL: "https://localhost/s",
  COSMOS__accountEndpoint: "https://localhost",
  COSMOS_DATABASE: "unused",
  DATA_ACCOUNT: "devstoreaccount1",
  DATA__blobServiceUri: "https://localhost/devstoreaccount1",
  DATA__queueServiceUri: "https://localhost/devstoreaccount1",
  OIDC_ISSUER: "https://localhost",
  OIDC_AUDIENCE: "unused",
  OIDC_TENANT_CLAIM: "unused",
  MAIL_ENDPOINT: "https://localhost",
  MAIL_SENDER: "unused",
};
