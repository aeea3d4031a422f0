import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { trust } from "../local/certificates.ts";
import { startIdentity } from "../local/identity.ts";
import { build } from "../scripts/build.ts";
import { openBoundary } from "../shared/tenancy/boundary.ts";
import { startStackProcess } from "../tests/support/stack.ts";
import { useStack } from "../tests/support/stackUnderTest.ts";
import { measureFrame } from "./measureFrame.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "400" } } });

/** What the frame around handlers costs: in this process, without a host, on the services of a stack of its own. */
await build({});
const dataDir = await mkdtemp(join(tmpdir(), "callpilot-bench-"));
const stack = await startStackProcess({ dataDir, args: ["--no-seed"] });
const identity = await startIdentity({ port: 0 });
try {
  trust(await readFile(stack.caFile, "utf8"));
  useStack(stack);
  Object.assign(process.env, identity.settings, {
    CALLPILOT_ENVIRONMENT: "local",
    CALLPILOT_ROLE: "all",
    API_PUBLIC_URL: stack.apiUrl,
    GUEST_LINK_URL: `${stack.apiUrl}/s`,
    COSMOS__accountEndpoint: stack.cosmosUrl,
    COSMOS_DATABASE: "callpilot",
    DATA_ACCOUNT: "devstoreaccount1",
    DATA__blobServiceUri: stack.blobUrl,
    DATA__queueServiceUri: stack.blobUrl,
    VAULT_URL: stack.vaultUrl,
    OIDC_ISSUER: stack.issuerUrl,
    OIDC_AUDIENCE: "callpilot-api",
    OIDC_TENANT_CLAIM: "tenant_id",
    MAIL_ENDPOINT: stack.mailUrl,
    MAIL_SENDER: "surveys@callpilot.localhost",
    RATE_LIMIT_PER_MINUTE: "9999999",
  });
  await openBoundary("bench-of-the-frame", () => measureFrame(Number(values.runs)));
} finally {
  await identity.close();
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
}
