import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Call, PretendAzure, type Recorded } from "./pretendAzure.ts";

let azure: PretendAzure;
let file = "";
let sha256 = "";
beforeAll(async () => {
  azure = await PretendAzure.start();
  file = join(azure.folder, "callpilot.zip");
  const zip = Buffer.from("a package");
  sha256 = createHash("sha256").update(zip).digest("hex");
  await writeFile(file, zip);
});
beforeEach(async () => {
  azure.statuses.clear();
  await writeFile(`${file}.sha256`, `${sha256}  callpilot.zip\n`);
});
afterAll(() => azure[Symbol.asyncDispose]());

const group = "rg-callpilot-staging";
const where = ["--environment", "staging", "--resource-group", group, "--patience", "1"];
const old = "https://cpstagabcdepack.blob.core.windows.net/packages/old.zip";
const outputs = {
  apiName: { value: "cp-stag-abcde-api" },
  workerName: { value: "cp-stag-abcde-worker" },
  packageAccountName: { value: "cpstagabcdepack" },
  dataAccountName: { value: "cpstagabcdedata" },
  budgetFrom: { value: "2026-11-01" },
};
const site = "/subscriptions/1/resourceGroups/x/providers/Microsoft.Web/sites/x";
const key = "a-key-of-the-blob-extension";

const deployed: Recorded = {
  command: "deployment group list",
  says: [
    { name: "callpilot-2026-11-25T20-00-00-000Z", properties: { provisioningState: "Failed", outputs: null } },
    { name: "callpilot-2026-11-24T20-00-00-000Z", properties: { provisioningState: "Succeeded", outputs } },
    {
      name: "callpilot-2026-11-23T20-00-00-000Z",
      properties: { provisioningState: "Succeeded", outputs: { apiName: { value: "of-before" } } },
    },
  ],
};
const settingsOf = (app: string, slot: string, url: string): Recorded => ({
  command: `functionapp config appsettings list --resource-group ${group} --name cp-stag-abcde-${app}${slot}`,
  says: [
    { name: "FUNCTIONS_WORKER_RUNTIME", value: "node" },
    { name: "WEBSITE_RUN_FROM_PACKAGE", value: url },
    ...["appendLog", "sealLog"].map((fn) => ({ name: `AzureWebJobs.${fn}.Disabled`, value: "false" })),
    { name: "AzureWebJobs.getTenant.Disabled", value: "true" },
  ],
});
const extensionKey: Recorded = { command: "functionapp keys list", says: { systemKeys: { blobs_extension: key } } };
const shown = (): Recorded => ({ command: "functionapp show", says: { id: site, defaultHostName: azure.hostName } });
const swaps: Recorded = { command: "functionapp deployment slot swap" };
const restarts: Recorded = {
  command: `functionapp restart --resource-group ${group} --name cp-stag-abcde-worker`,
};

/** What the code of each slot is, staging first: the commands begin alike. */
function code(staging: string, live: string): Recorded[] {
  return ["api", "worker"].flatMap((app) => [settingsOf(app, " --slot staging", staging), settingsOf(app, "", live)]);
}

const lines = (calls: readonly Call[], begin: string) =>
  calls.map(({ line }) => line).filter((line) => line.startsWith(begin));

describe("stage", () => {
  const fresh = (): Recorded[] => [
    deployed,
    { command: "storage blob exists", says: { exists: false } },
    { command: "storage blob upload" },
    ...code(old, old),
    { command: "functionapp config appsettings set", says: [] },
    { command: "functionapp restart" },
    shown(),
  ];

  test("sends the package under its hash, sets it in both staging slots, and waits until the api's answers", async () => {
    const { code: exit, output, calls } = await azure.deploy(["stage", ...where, "--package", file], fresh());
    expect([exit, output]).toEqual([0, expect.stringContaining("the staging slot answers")]);
    const url = `https://cpstagabcdepack.blob.core.windows.net/packages/${sha256}.zip`;
    expect(lines(calls, "storage blob upload")).toEqual([
      `storage blob upload --account-name cpstagabcdepack --container-name packages --name ${sha256}.zip --auth-mode login --file ${file} --if-none-match *`,
    ]);
    expect(lines(calls, "functionapp config appsettings set")).toEqual(
      ["api", "worker"].map(
        (app) =>
          `functionapp config appsettings set --resource-group ${group} --name cp-stag-abcde-${app} --slot staging --settings WEBSITE_RUN_FROM_PACKAGE=${url}`,
      ),
    );
  });

  test("does not wait for the very first code, which makes its keys once it is live", async () => {
    azure.statuses.set("/health/ready", 503);
    const slots = ["api", "worker"].map((app) => settingsOf(app, " --slot staging", "1"));
    const recorded = fresh().filter(({ command }) => !command.startsWith("functionapp config appsettings list"));
    const { code: exit, output } = await azure.deploy(
      ["stage", ...where, "--package", file],
      [...recorded, ...slots, settingsOf("api", "", "1")],
    );
    expect([exit, output]).toEqual([0, expect.stringContaining("nothing is live yet")]);
  });

  test("stops before anything where the package is not that of its digest", async () => {
    await writeFile(`${file}.sha256`, `${"0".repeat(64)}  callpilot.zip\n`);
    const { code: exit, output, calls } = await azure.deploy(["stage", ...where, "--package", file], fresh());
    expect([exit, calls]).toEqual([1, []]);
    expect(output).toContain("nothing was deployed");
  });

  test("repeated, neither sends nor restarts what runs already", async () => {
    const url = `https://cpstagabcdepack.blob.core.windows.net/packages/${sha256}.zip`;
    const { code: exit, calls } = await azure.deploy(
      ["stage", ...where, "--package", file],
      [deployed, { command: "storage blob exists", says: { exists: true } }, ...code(url, old), shown()],
    );
    expect(exit).toBe(0);
    expect(lines(calls, "functionapp restart")).toEqual([]);
  });

  test("fails with what did not answer, so that nothing is swapped", async () => {
    azure.statuses.set("/health/ready", 503);
    const { code: exit, output } = await azure.deploy(["stage", ...where, "--package", file], fresh());
    expect(exit).toBe(1);
    expect(output).toContain("/health/ready answered 503");
  });

  test("tells in Azure's words what Azure refused, and can be repeated", async () => {
    const recorded = fresh().map((each) =>
      each.command === "storage blob upload" ? { ...each, fails: "AuthorizationPermissionMismatch", times: 1 } : each,
    );
    const first = await azure.deploy(["stage", ...where, "--package", file], recorded);
    expect([first.code, first.output]).toEqual([
      1,
      "deploy: az storage blob upload: ERROR: AuthorizationPermissionMismatch\n",
    ]);
    expect((await azure.deploy(["stage", ...where, "--package", file], fresh())).code).toBe(0);
  });
});

describe("swap", () => {
  const next = `${old}2`;
  /** A function of the worker, as Azure lists it. */
  const listed = (name: string, isDisabled = false) => ({ name: `cp-stag-abcde-worker/${name}`, isDisabled });
  const functions = (...says: object[]): Recorded => ({ command: "functionapp function list", says });
  const host = (properties: object): Recorded => ({
    command: `rest --method get --url ${site}/host/default/properties/status?api-version=`,
    says: { properties },
  });
  const well = [
    host({ state: "Running" }),
    functions(listed("appendLog"), listed("sealLog"), listed("getTenant", true)),
  ];
  /** What Azure tells before a swap, of staging, and after it, of what is live. */
  const staged = () => [deployed, ...code(next, next), shown(), ...well, restarts];

  test("makes the worker live before the api, restarts it, and looks at each", async () => {
    const { code: exit, output, calls } = await azure.deploy(["swap", ...where], [...staged(), swaps]);
    expect([exit, output]).toEqual([0, "worker: swapped\napi: swapped\nwhat was staged is live\n"]);
    const swapped = /^functionapp deployment slot swap .* --name cp-stag-abcde-(?<app>\w+) /u;
    const restarted = (line: string) => (line === restarts.command ? "restart" : undefined);
    const steps = calls.map(
      ({ line }) => swapped.exec(line)?.groups?.["app"] ?? restarted(line) ?? line.split(" ", 1)[0],
    );
    expect(steps.filter((step) => step !== "functionapp" && step !== "deployment")).toEqual([
      ...["worker", "restart", "rest"],
      "api",
    ]);
  });

  test.each<[string, readonly Recorded[], string]>([
    [
      "has other code, a host that is not up, and a function that stayed off",
      [
        settingsOf("worker", " --slot staging", next),
        settingsOf("worker", "", old),
        host({ state: "Error", errors: ["of a binding"] }),
        functions(listed("appendLog", true), listed("sealLog")),
      ],
      "its slot has other code; its host is in the state Error; its host has errors; appendLog is off; what was live",
    ],
    ["loaded no function", [functions()], "does not run as it should: none of its functions is there; what was live"],
    ["cannot be asked", [{ command: "rest", fails: "Unavailable" }], "Unavailable; what was live"],
  ])("brings back what was live where the worker %s, before the api is touched", async (_case, first, message) => {
    const { code: exit, output, calls } = await azure.deploy(["swap", ...where], [...first, ...staged(), swaps]);
    expect([exit, output]).toEqual([3, expect.stringContaining("worker: swapped\nworker: swapped back\n")]);
    expect(output).toContain(`${message} before is live again`);
    expect(lines(calls, "functionapp deployment slot swap")).toHaveLength(2);
    expect(lines(calls, "functionapp restart")).toEqual([restarts.command, restarts.command]);
  });

  test("takes a worker that lacks a function which the infrastructure knows: it is rolled back to", async () => {
    const recorded = [functions(listed("appendLog")), ...staged(), swaps];
    expect((await azure.deploy(["swap", ...where], recorded)).code).toBe(0);
  });

  test("brings back what was live where the new code does not answer", async () => {
    azure.statuses.set("/v1/openapi.json", 500);
    const { code: exit, output, calls } = await azure.deploy(["swap", ...where], [...staged(), swaps]);
    expect(exit).toBe(3);
    expect(output).toContain("api: swapped back\nworker: swapped back\n");
    expect(output).toContain("/v1/openapi.json answered 500; what was live before is live again");
    expect(lines(calls, "functionapp deployment slot swap")).toHaveLength(4);
  });

  test("brings back the worker where the api could not be swapped", async () => {
    const worker = {
      command: `functionapp deployment slot swap --resource-group ${group} --name cp-stag-abcde-worker`,
    };
    const api = { command: "functionapp deployment slot swap", fails: "the slot did not warm up" };
    const { code: exit, output } = await azure.deploy(["swap", ...where], [...staged(), worker, api]);
    expect(exit).toBe(3);
    expect(output).toContain("worker: swapped\nworker: swapped back\n");
    expect(output).toContain("the slot did not warm up");
  });

  test("goes on where Azure swapped and only its answer was lost, which the slots tell", async () => {
    const slots = [
      { ...settingsOf("worker", " --slot staging", next), times: 1 },
      settingsOf("worker", " --slot staging", old),
    ];
    const lost = { ...swaps, fails: "Connection aborted.", times: 1 };
    const { code: exit, output, calls } = await azure.deploy(["swap", ...where], [...slots, lost, ...staged(), swaps]);
    expect([exit, output]).toEqual([0, "worker: swapped\napi: swapped\nwhat was staged is live\n"]);
    expect(lines(calls, "functionapp restart")).toEqual([restarts.command]);
  });

  test("brings back the worker where it could not be restarted", async () => {
    const recorded = [{ ...restarts, fails: "Unavailable", times: 1 }, ...staged(), swaps];
    const { code: exit, output } = await azure.deploy(["swap", ...where], recorded);
    expect([exit, output]).toEqual([3, expect.stringContaining("worker: swapped\nworker: swapped back\n")]);
  });

  test("says what it could not bring back, and why it had to, and brings back the rest", async () => {
    azure.statuses.set("/v1/openapi.json", 500);
    const slots = `functionapp deployment slot swap --resource-group ${group} --name cp-stag-abcde-`;
    const api = [
      { command: `${slots}api`, times: 1 },
      { command: `${slots}api`, fails: "Conflict" },
    ];
    const { code: exit, output } = await azure.deploy(["swap", ...where], [...staged(), ...api, swaps]);
    expect([exit, output]).toEqual([1, expect.stringContaining("worker: swapped back\n")]);
    expect(output).toContain("/v1/openapi.json answered 500; what was live before is not all live again: api, az");
    expect(output).toContain("Conflict");
    expect(output).not.toContain("api: swapped back");
  });

  describe("of the very first code", () => {
    const first = (): Recorded[] => [
      deployed,
      ...["api", "worker"].map((app) => settingsOf(app, " --slot staging", next)),
      ...[{ ...settingsOf("api", "", "1"), times: 1 }, settingsOf("api", "", next)],
      // Also where it ran before and the api never did: it may have made no keys.
      settingsOf("worker", "", next),
      shown(),
      ...well,
      { command: "functionapp config appsettings set", says: [] },
      { command: "functionapp restart" },
    ];

    test("swaps nothing, since no slot is ready before the worker is live: it is set live", async () => {
      const { code: exit, output, calls } = await azure.deploy(["swap", ...where], first());
      expect([exit, output]).toEqual([
        0,
        "worker: live for the first time\napi: live for the first time\nwhat was staged is live\n",
      ]);
      expect(lines(calls, "functionapp config appsettings set")).toEqual(
        ["worker", "api"].map(
          (app) =>
            `functionapp config appsettings set --resource-group ${group} --name cp-stag-abcde-${app} --settings WEBSITE_RUN_FROM_PACKAGE=${next}`,
        ),
      );
      expect(lines(calls, "functionapp restart")).toHaveLength(2);
    });

    test("says what does not answer, with nothing to go back to", async () => {
      azure.statuses.set("/health/ready", 503);
      const { code: exit, output, calls } = await azure.deploy(["swap", ...where], first());
      expect([exit, output]).toEqual([1, expect.stringContaining("/health/ready answered 503")]);
      expect(lines(calls, "functionapp deployment slot swap")).toEqual([]);
    });
  });

  test("does nothing where the two slots do not run the same package", async () => {
    const slots = [settingsOf("api", " --slot staging", old), settingsOf("worker", " --slot staging", `${old}2`)];
    const { code: exit, output, calls } = await azure.deploy(["swap", ...where], [deployed, ...slots]);
    expect(exit).toBe(1);
    expect(output).toContain("stage first");
    expect(lines(calls, "functionapp deployment slot swap")).toEqual([]);
  });
});

describe("infrastructure", () => {
  const whatIf = (...changes: object[]): Recorded => ({ command: "deployment group what-if", says: { changes } });
  const create: Recorded = { command: "deployment group create", says: {} };
  const policy = (state: string): Recorded => ({
    command: "storage container immutability-policy show",
    says: { etag: '"1"', state },
  });
  const lock: Recorded = { command: "storage container immutability-policy lock", says: {} };

  test("at first deploys without events, and locks the retention of seals", async () => {
    const none: Recorded = { command: "deployment group list", says: [], times: 1 };
    const {
      code: exit,
      output,
      calls,
    } = await azure.deploy(
      ["infrastructure", ...where],
      [none, deployed, whatIf(), create, policy("Unlocked"), lock, settingsOf("worker", "", "1")],
    );
    expect([exit, output]).toEqual([0, expect.stringContaining("stage it, then repeat")]);
    expect(calls.find(({ line }) => line.startsWith("deployment group create"))?.given).toEqual({
      CALLPILOT_SUBSCRIBE: "false",
      CALLPILOT_BUDGET_FROM: expect.stringMatching(/^\d{4}-\d\d-01$/u) as string,
    });
    expect(lines(calls, "storage container immutability-policy lock")).toHaveLength(1);
  });

  test("goes on after a first deployment that failed", async () => {
    const failed = {
      name: "callpilot-2026-11-24T20-00-00-000Z",
      properties: { provisioningState: "Failed", outputs: null },
    };
    const once: Recorded = { command: "deployment group list", says: [failed], times: 1 };
    const { code: exit, calls } = await azure.deploy(
      ["infrastructure", ...where],
      [once, deployed, whatIf(), create, policy("Unlocked"), lock, settingsOf("worker", "", "1")],
    );
    expect(exit).toBe(0);
    expect(lines(calls, "deployment group create")[0]).toMatch(/ --name callpilot-\d{4}-\d\d-\d\dT[\d-]+Z /u);
  });

  test("later leaves the code of every slot as it is, and tells nobody the webhook's key", async () => {
    const {
      code: exit,
      output,
      calls,
    } = await azure.deploy(
      ["infrastructure", ...where],
      [
        deployed,
        ...code(`${old}2`, old),
        extensionKey,
        shown(),
        whatIf({ changeType: "Modify", resourceId: "/subscriptions/1/providers/Microsoft.Web/sites/x" }),
        create,
        policy("Locked"),
      ],
    );
    expect([exit, output]).toEqual([0, "Modify: Microsoft.Web/sites/x\nevents are subscribed\n"]);
    const created = calls.find(({ line }) => line.startsWith("deployment group create"));
    expect(created?.given).toMatchObject({
      CALLPILOT_SUBSCRIBE: "true",
      CALLPILOT_API_PACKAGE: old,
      CALLPILOT_API_STAGING_PACKAGE: `${old}2`,
      CALLPILOT_SEALS_LOCKED: "true",
      CALLPILOT_BUDGET_FROM: "2026-11-01",
      CALLPILOT_MANIFEST_WEBHOOK: expect.stringContaining(key) as string,
    });
    expect(`${output}${calls.map(({ line }) => line).join("\n")}`).not.toContain(key);
  });

  test("fails where live code has no key for events yet, instead of leaving them unsubscribed", async () => {
    const none: Recorded = { command: "functionapp keys list", says: { systemKeys: {} } };
    const {
      code: exit,
      output,
      calls,
    } = await azure.deploy(["infrastructure", ...where], [deployed, policy("Locked"), ...code(old, old), none]);
    expect([exit, output]).toEqual([1, expect.stringContaining("is live and tells no key for events: there is none")]);
    expect(lines(calls, "deployment group create")).toEqual([]);
  });

  describe("where uploads are scanned", () => {
    const account = "/subscriptions/1/providers/Microsoft.Storage/storageAccounts/cpstagabcdedata";
    const scanned: Recorded = {
      command: `functionapp config appsettings list --resource-group ${group} --name cp-stag-abcde-worker`,
      says: [{ name: "MALWARE_GATE", value: "defender" }],
    };
    const defender = (operationStatus?: object): Recorded => ({
      command: `rest --method get --url ${account}/providers/Microsoft.Security/defenderForStorageSettings/current?`,
      says: { properties: { isEnabled: true, malwareScanning: { operationStatus } } },
    });
    const recorded = (...found: Recorded[]) => [
      { command: "deployment group list", says: [], times: 1 },
      deployed,
      whatIf(),
      create,
      policy("Locked"),
      scanned,
      { command: "storage account show", says: { id: account } },
      ...found,
    ];

    test.each([[undefined], [{ code: "Succeeded" }]])(
      "is done where Defender has what it needs: %j",
      async (status) => {
        const { code: exit } = await azure.deploy(["infrastructure", ...where], recorded(defender(status)));
        expect(exit).toBe(0);
      },
    );

    test("fails where Defender was not given what it needs, which Azure does not take for a failure", async () => {
      const status = { code: "MissingPermissions", message: "it may not assign roles" };
      const { code: exit, output } = await azure.deploy(["infrastructure", ...where], recorded(defender(status)));
      expect([exit, output]).toEqual([1, expect.stringContaining("MissingPermissions, it may not assign roles")]);
    });
  });

  test("a failure does not tell the webhook's key either", async () => {
    const { output } = await azure.deploy(
      ["infrastructure", ...where],
      [
        deployed,
        policy("Unlocked"),
        ...code(old, old),
        extensionKey,
        shown(),
        {
          command: "deployment group what-if",
          fails: `BadRequest: https://${azure.hostName}/runtime/webhooks/blobs?functionName=Host.Functions.processVideo&code=${key}`,
        },
      ],
    );
    expect(output).toContain("deploy: az deployment group what-if: ERROR: BadRequest: ***");
    expect(output).not.toContain(key);
  });

  test("does not delete anything", async () => {
    const {
      code: exit,
      output,
      calls,
    } = await azure.deploy(
      ["infrastructure", ...where],
      [
        deployed,
        policy("Unlocked"),
        ...code("1", "1"),
        whatIf({
          changeType: "Delete",
          resourceId: "/subscriptions/1/providers/Microsoft.DocumentDB/databaseAccounts/x",
        }),
      ],
    );
    expect(exit).toBe(1);
    expect(output).toContain("1 resources would be deleted");
    expect(lines(calls, "deployment group create")).toEqual([]);
  });
});

describe("permit", () => {
  const account = "/subscriptions/1/providers/Microsoft.Storage/storageAccounts/cpstagabcdepack";
  const asked = (...holders: string[]): Recorded[] => [
    deployed,
    { command: "storage account show", says: { id: account } },
    { command: "ad signed-in-user show", says: { id: "me" } },
    { command: "role assignment list", says: holders.map((principalId) => ({ principalId })) },
    { command: "role assignment create", says: {} },
  ];

  test.each([
    [[], "me", "User"],
    [["--principal", "pipeline"], "pipeline", "ServicePrincipal"],
  ])("gives a role on the packages' account alone: %j", async (more, who, type) => {
    const { code: exit, calls } = await azure.deploy(["permit", ...where, ...more], asked("somebody"));
    expect(exit).toBe(0);
    expect(lines(calls, "role assignment create")).toEqual([
      `role assignment create --scope ${account} --role Storage Blob Data Contributor --assignee-object-id ${who} --assignee-principal-type ${type}`,
    ]);
  });

  test("gives nobody a role whom it has given it already", async () => {
    const { code: exit, calls } = await azure.deploy(["permit", ...where], asked("me"));
    expect([exit, lines(calls, "role assignment create")]).toEqual([0, []]);
  });
});

describe("settings", () => {
  const settings = {
    CALLPILOT_ENVIRONMENT: "staging",
    CALLPILOT_ROLE: "worker",
    API_PUBLIC_URL: "https://api.staging.callpilot.example",
    GUEST_LINK_URL: "https://guest.staging.callpilot.example/g",
    CORS_ORIGINS: "",
    COSMOS__accountEndpoint: "https://cosmos-cp-stag-abcde.documents.azure.com:443/",
    COSMOS_DATABASE: "callpilot",
    DATA_ACCOUNT: "cpstagabcdedata",
    DATA__blobServiceUri: "https://cpstagabcdedata.blob.core.windows.net",
    DATA__queueServiceUri: "https://cpstagabcdedata.queue.core.windows.net",
    VAULT_URL: "https://kv-cp-stag-abcde.vault.azure.net/",
    OIDC_ISSUER: "https://login.staging.callpilot.example",
    OIDC_AUDIENCE: String.raw` an "audience" of 'ours' with # and \n in $it `,
    OIDC_TENANT_CLAIM: "org_id",
    MAIL_ENDPOINT: "https://acs-cp-stag-abcde.communication.azure.com",
    MAIL_SENDER: "DoNotReply@mail.staging.callpilot.example",
    MALWARE_GATE: "defender",
  };
  const strange = {
    APPLICATIONINSIGHTS_CONNECTION_STRING: "InstrumentationKey=11111111-1111-1111-1111-111111111111",
    AzureWebJobsStorage__accountName: "cpstagabcdehost",
    WEBSITE_RUN_FROM_PACKAGE: old,
  };
  const listed = (all: Readonly<Record<string, string>>): Recorded[] => [
    deployed,
    {
      command: `functionapp config appsettings list --resource-group ${group} --name cp-stag-abcde-worker`,
      says: Object.entries(all).map(([name, value]) => ({ name, value, slotSetting: false })),
    },
  ];
  const to = () => join(azure.folder, "settings.env");
  const write = (all: Readonly<Record<string, string>>) =>
    azure.deploy(["settings", ...where, "--to", to()], listed(all));
  beforeEach(() => rm(to(), { force: true }));

  test("are the worker's, as Node reads them back, and for nobody else to read", async () => {
    await writeFile(to(), "of before", { mode: 0o644 });
    const { code: exit, output } = await write({ ...strange, ...settings });
    expect([exit, output]).toEqual([0, `17 settings of cp-stag-abcde-worker are in ${to()}\n`]);
    const read = ["-e", "process.loadEnvFile(process.argv[1]); console.log(JSON.stringify(process.env))", to()];
    const { stdout } = await promisify(execFile)(process.execPath, read, { env: {} });
    expect(JSON.parse(stdout)).toEqual(settings);
    expect((await stat(to())).mode & 0o777).toBe(0o600);
  });

  test.each([
    ["a key", { MAIL_SENDER: `AccountKey=${"a".repeat(86)}==` }, "MAIL_SENDER: holds a key"],
    ["a service key", { MAIL_SENDER: `cpk_${"a".repeat(40)}` }, "MAIL_SENDER looks like a secret"],
    ["a reference to a secret", { OIDC_AUDIENCE: "@Microsoft.KeyVault(VaultName=v)" }, "OIDC_AUDIENCE looks like"],
    ["what no quotes hold", { OIDC_AUDIENCE: "'`\"" }, "OIDC_AUDIENCE cannot be written"],
    ["a setting of another environment", { CALLPILOT_ENVIRONMENT: "sandbox" }, "is of the environment sandbox"],
    ["a setting that is wrong", { VAULT_URL: "http://vault" }, "VAULT_URL must match"],
  ])("with %s are not written, and no value is told", async (_case, wrong, message) => {
    const { code: exit, output } = await write({ ...settings, ...wrong });
    expect([exit, output]).toEqual([1, expect.stringContaining(message)]);
    expect(existsSync(to())).toBe(false);
    expect(output).not.toContain("aaaa");
  });
});

test.each([
  [["frobnicate"], "there is no step frobnicate"],
  [["stage"], "--environment is missing"],
  [["stage", "--environment", "prod", "--resource-group", "x"], "--environment is one of sandbox, staging, production"],
  [["settings", "--environment", "staging", "--resource-group", "x"], "--to is missing"],
  [["swap", "--wrong"], "Unknown option '--wrong'"],
  [["fetch", "--commit", "1"], "GITLAB_API is missing"],
])("wrong use is told in one sentence: %j", async (args, message) => {
  const { code: exit, output, calls } = await azure.deploy(args, []);
  expect([exit, calls]).toEqual([2, []]);
  expect(output).toContain(`deploy: ${message}`);
});
