import { join } from "node:path";
import { ulid } from "ulid";
import { afterAll, afterEach, aroundAll, beforeAll, vi } from "vitest";
import { type CosmosService, startCosmos } from "../../local/cosmos/server.ts";
import { provisionDatabase } from "../../local/provision.ts";
import { setClockForTests } from "../clock.ts";
import { provideRingStore } from "../protection/protection.ts";
import { memoryStore } from "../protection/ringStoreForTests.ts";
import { type VaultForTests, startVaultForTests } from "../protection/vaultForTests.ts";
import { admit } from "./admit.ts";
import { openBoundary } from "./boundary.ts";
import type { IndexPath } from "./kind.ts";
import { openScope } from "./openScope.ts";
import type { ChangeContext, TenantScope } from "./scope.ts";

export interface DatabaseForTests {
  readonly cosmos: CosmosService;
  readonly vault: VaultForTests;
  close(): Promise<void>;
}

interface Options {
  readonly indexes?: readonly (readonly IndexPath[])[];
  readonly settings?: Record<string, string>;
}

/** A database of a test file's own, with vault and identity, named in the settings that config() reads. */
export async function startDatabaseForTests(options: Options = {}): Promise<DatabaseForTests> {
  const vault = await startVaultForTests(options.settings);
  const cosmos = await startCosmos({ port: 0, dataDir: join(vault.dir, "cosmos"), tls: vault.tls });
  vi.stubEnv("COSMOS__accountEndpoint", cosmos.url);
  vi.stubEnv("COSMOS_DATABASE", "callpilot");
  await provisionDatabase(cosmos.url, "callpilot", options.indexes);
  provideRingStore(memoryStore());
  return {
    cosmos,
    vault,
    close: async () => {
      await cosmos.close();
      await vault.close();
    },
  };
}

/** {@link startDatabaseForTests} around a file's tests; faults and the clock end with the test that asked for them. */
export function databaseOfFileForTests(options: Options = {}): Pick<DatabaseForTests, "cosmos" | "vault"> {
  let started: DatabaseForTests | undefined;
  const running = (): DatabaseForTests => {
    if (started === undefined) throw new TypeError("The database starts before the tests.");
    return started;
  };
  beforeAll(async () => {
    started = await startDatabaseForTests(options);
  });
  afterEach(() => {
    running().cosmos.faults.clear();
    setClockForTests();
  });
  afterAll(() => running().close());
  return {
    get cosmos() {
      return running().cosmos;
    },
    get vault() {
      return running().vault;
    },
  };
}

/** Runs a test file's tests and hooks as one run of a function, for those that call what runs in one. */
export function insideBoundaryForTests(): void {
  aroundAll((run) => openBoundary(ulid(), run));
}

/** A tenant that nobody else has. */
export function newTenantId(): string {
  return `tnt_${ulid()}`;
}

/** Admits the tenant and opens its scope. */
export function openScopeForTests(tenantId = newTenantId(), context: Partial<ChangeContext> = {}): TenantScope {
  admit(tenantId);
  return openScope({
    tenantId,
    action: "test",
    requestId: ulid(),
    actor: { type: "system", id: "test" },
    ...context,
  });
}
