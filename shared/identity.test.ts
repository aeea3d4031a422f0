import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { IdentityUnavailable, identity } from "./identity.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

it("waits no longer than that for a token that never comes, whoever asked for it", async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("IDENTITY_ENDPOINT", `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`);
  vi.stubEnv("IDENTITY_HEADER", "secret");
  const limit = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(limit.signal);
  const token = identity().getToken("https://storage.azure.com/.default");
  limit.abort();
  await expect(token).rejects.toThrow(IdentityUnavailable);
  server.closeAllConnections();
  server.close();
});
