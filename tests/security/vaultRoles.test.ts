import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { KeyClient } from "@azure/keyvault-keys";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { types, valueAt } from "../../scripts/bicep/policy.ts";
import { type Resource, committedResourcesForTests } from "../../scripts/bicep/snapshots.ts";
import { now } from "../../shared/clock.ts";
import { identity } from "../../shared/identity.ts";
import { protectionReady, provideRingStore } from "../../shared/protection/protection.ts";
import { memoryStore } from "../../shared/protection/ringStoreForTests.ts";
import { rotateSecrets } from "../../shared/protection/rotateSecrets.ts";
import { secrets } from "../../shared/protection/secrets.ts";
import { publicKey, sign } from "../../shared/protection/signing.ts";
import { keyWrapBy, vaultKeyWrap, wrappingKeyReady } from "../../shared/protection/vault.ts";
import { type VaultForTests, startVaultForTests } from "../../shared/protection/vaultForTests.ts";

let local: VaultForTests;
let resources: readonly Resource[];
beforeAll(async () => {
  [local, resources] = await Promise.all([startVaultForTests(), committedResourcesForTests("production")]);
  const keys = new KeyClient(local.vault.url, identity(), { disableChallengeResourceVerification: true });
  await keys.createRsaKey("log-seal", { keySize: 2048, keyOps: ["sign", "verify"] });
});
afterAll(() => local.close());

/** What Azure asks a role for, by the request: https://learn.microsoft.com/rest/api/keyvault/ */
const actions: readonly (readonly [request: RegExp, action: string])[] = [
  [/^GET \/keys\/[\w-]+\/\w*$/u, "keys/read"],
  [/^POST \/keys\/[\w-]+\/\w+\/sign$/u, "keys/sign/action"],
  [/^POST \/keys\/[\w-]+\/\w+\/wrapkey$/u, "keys/wrap/action"],
  [/^POST \/keys\/[\w-]+\/\w+\/unwrapkey$/u, "keys/unwrap/action"],
  [/^GET \/secrets\/[\w-]+\/versions$/u, "secrets/readMetadata/action"],
  [/^GET \/secrets\/[\w-]+\/\w*$/u, "secrets/getSecret/action"],
  [/^PUT \/secrets\/[\w-]+$/u, "secrets/setSecret/action"],
  [/^PATCH \/secrets\/[\w-]+\/\w+$/u, "secrets/update/action"],
];

/** The actions that the vault is asked for meanwhile, once each; a request that is none of them as itself. */
async function askedFor(work: () => Promise<unknown>): Promise<readonly string[]> {
  const asked = new Set<string>();
  const note = (message: unknown) => {
    const { request } = message as { readonly request: ClientRequest };
    const { pathname } = new URL(request.path, local.vault.url);
    if (request.getHeader("host") !== new URL(local.vault.url).host) return;
    const line = `${request.method} ${pathname}`;
    asked.add(actions.find(([form]) => form.test(line))?.[1] ?? line);
  };
  subscribe("http.client.request.start", note);
  try {
    await work();
  } finally {
    unsubscribe("http.client.request.start", note);
  }
  return [...asked].toSorted();
}

/** What the infrastructure's role of that name allows in a vault. */
function allowedTo(role: string): readonly string[] {
  const definition = resources.find(
    (each) =>
      each.type === types.roleDefinition &&
      String(valueAt(each, "properties.roleName")).startsWith(`Callpilot ${role} (`),
  );
  const allowed = valueAt(definition, "properties.permissions.0.dataActions") as readonly string[];
  return allowed.map((action) => action.replace("Microsoft.KeyVault/vaults/", "")).toSorted();
}

test("who signs asks for what the key signer may do", async () => {
  const asked = await askedFor(async () => {
    const { key } = await sign("log-seal", () => Buffer.from("what is signed"));
    await publicKey("log-seal", key.kid.split("/")[1]);
  });
  expect(asked).toEqual(allowedTo("key signer"));
});

test("who wraps asks for what the key wrapper may do, for the ring and for pseudonyms", async () => {
  for (const by of [vaultKeyWrap, keyWrapBy("key-ring")]) {
    const asked = await askedFor(async () => {
      await wrappingKeyReady();
      const { wrapped, wrappedBy } = await by.wrap(Buffer.alloc(32));
      await by.unwrap(wrapped, wrappedBy);
    });
    expect(asked).toEqual(allowedTo("key wrapper"));
  }
});

test("who only unwraps asks for what the key unwrapper may do", async () => {
  const { wrapped, wrappedBy } = await vaultKeyWrap.wrap(Buffer.alloc(32));
  expect(await askedFor(() => vaultKeyWrap.unwrap(wrapped, wrappedBy))).toEqual(allowedTo("key unwrapper"));
});

test("who keeps a secret asks for what the secret keeper may do, who reads it for what the secret reader may do", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  provideRingStore(memoryStore());
  await protectionReady();
  const read = () => secrets.use("address-hash-key", () => undefined);
  const asked = await askedFor(async () => {
    for (const days of [0, 89, 2]) {
      vi.setSystemTime(Date.now() + days * 86_400_000);
      await rotateSecrets(now());
    }
    await read();
  });
  expect(asked.filter((action) => action.startsWith("secrets/"))).toEqual(allowedTo("secret keeper"));
  vi.setSystemTime(Date.now() + 3_600_000);
  expect(await askedFor(read)).toEqual(allowedTo("secret reader"));
});
