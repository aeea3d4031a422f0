import { parseConfig } from "../../../shared/config.ts";
import { maxBodyBytes } from "../../../shared/triggers/requestBody.ts";
import { functionsOfApps } from "../generated.ts";
import { type Estate, type Policy, type Writable, property, setAt, the, types, valueAt } from "../policy.ts";

const sites = [types.site, types.slot];
const settingsOf = [types.siteConfig, types.slotConfig];
const production = ["production"] as const;

type Settings = Record<string, string>;
type App = "api" | "worker";
type Slot = "production" | "staging";

function settings(resources: readonly { type: string; name: string; properties?: unknown }[], app: App, slot: Slot) {
  const [type, named] =
    slot === "production"
      ? [types.siteConfig, new RegExp(`-${app}/appsettings$`, "u")]
      : [types.slotConfig, new RegExp(`-${app}/staging/appsettings$`, "u")];
  return the(resources, type, named).properties as Settings;
}

function stickyOf(resources: readonly { type: string; name: string; properties?: unknown }[], app: App) {
  const { properties } = the(resources, types.siteConfig, new RegExp(`-${app}/slotConfigNames$`, "u"));
  return (properties as { appSettingNames: string[] }).appSettingNames;
}

const apps = ["api", "worker"] as const;
const slots = ["production", "staging"] as const;
const places = apps.flatMap((app) => slots.map((slot) => ({ app, slot })));

/** Settings of all four, looked at by one rule; its fault changes those of both slots of an app alike. */
function everywhere(
  rule: Pick<Policy, "name" | "proves" | "on">,
  wrong: (found: Settings, place: { app: App; slot: Slot; estate: Estate }) => readonly string[],
  fault: (found: Settings) => void,
  app: App = "worker",
): Policy {
  return {
    ...rule,
    broken: (estate) =>
      places.flatMap((place) =>
        wrong(settings(estate.resources, place.app, place.slot), { ...place, estate }).map(
          (problem) => `${place.app} (${place.slot}): ${problem}`,
        ),
      ),
    fault: (resources: Writable[]) => {
      for (const slot of slots) fault(settings(resources, app, slot));
    },
  };
}

/** One setting with one value in all four. */
function setting(name: string, is: string, not: string, rule: Pick<Policy, "name" | "proves">): Policy {
  return everywhere(
    rule,
    (found) => (found[name] === is ? [] : [name]),
    (found) => (found[name] = not),
  );
}

const off = (fn: string) => `AzureWebJobs.${fn}.Disabled`;
const whole = functionsOfApps();

const secretLike = /AccountKey=|SharedAccess|[?&]sig=|@Microsoft\.KeyVault|listKeys\(|-----BEGIN|Password=/iu;

/** The two apps and their slots. */
export const appPolicies: readonly Policy[] = [
  property({
    name: "apps speak HTTPS only",
    proves: "S7",
    types: sites,
    path: "properties.httpsOnly",
    is: true,
    not: false,
  }),
  property({
    name: "apps speak TLS 1.2 or newer",
    proves: "S7",
    types: sites,
    path: "properties.siteConfig.minTlsVersion",
    is: "1.2",
    not: "1.0",
  }),
  property({
    name: "nobody deploys by FTP",
    proves: "D5",
    types: sites,
    path: "properties.siteConfig.ftpsState",
    is: "Disabled",
    not: "AllAllowed",
  }),
  property({
    name: "nobody deploys with a password",
    proves: "S7, D5",
    types: [
      "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
      "Microsoft.Web/sites/slots/basicPublishingCredentialsPolicies",
    ],
    path: "properties.allow",
    is: false,
    not: true,
  }),
  property({
    name: "nobody reaches the deployment engine from outside",
    proves: "D5",
    types: sites,
    path: "properties.siteConfig.scmIpSecurityRestrictionsDefaultAction",
    is: "Deny",
    not: "Allow",
  }),
  property({
    name: "nobody debugs what runs",
    proves: "S8",
    types: sites,
    path: "properties.siteConfig.remoteDebuggingEnabled",
    is: false,
    not: true,
  }),
  property({
    name: "every slot has an identity of its own, which ends with it",
    proves: "S7",
    types: sites,
    path: "identity.type",
    is: "SystemAssigned",
    not: "UserAssigned",
  }),
  property({
    name: "apps run on Node 24",
    proves: "platform: one Node for all",
    types: sites,
    path: "properties.siteConfig.linuxFxVersion",
    is: "NODE|24",
    not: "NODE|20",
  }),
  property({
    name: "the health check is liveness: a dependency's outage recycles no instance",
    proves: "platform: health check",
    types: sites,
    path: "properties.siteConfig.healthCheckPath",
    is: "/health",
    not: "/health/ready",
  }),
  property({
    name: "no request is bound to an instance",
    proves: "D3",
    types: sites,
    path: "properties.clientAffinityEnabled",
    is: false,
    not: true,
  }),
  property({
    name: "nobody but Event Grid and the platform's own warm-up reaches the worker",
    proves: "S6; platform: the worker's webhooks, and swaps",
    types: sites,
    named: /-worker(?:\/staging)?$/u,
    path: "properties.siteConfig.ipSecurityRestrictions",
    is: [
      { name: "event-grid", priority: 100, action: "Allow", tag: "ServiceTag", ipAddress: "AzureEventGrid" },
      { name: "platform", priority: 110, action: "Allow", ipAddress: "10.0.0.0/8" },
      { name: "platform-shared", priority: 120, action: "Allow", ipAddress: "100.64.0.0/10" },
    ],
    not: [{ name: "all", priority: 100, action: "Allow", ipAddress: "0.0.0.0/0" }],
  }),
  property({
    name: "who is on no list of the worker's is refused",
    proves: "S6; platform: the worker's webhooks",
    types: sites,
    named: /-worker(?:\/staging)?$/u,
    path: "properties.siteConfig.ipSecurityRestrictionsDefaultAction",
    is: "Deny",
    not: "Allow",
  }),
  {
    name: "production's apps call from a network of their own, with all that they call",
    proves: "S6",
    on: production,
    broken: (estate) =>
      estate
        .of(...sites)
        .filter(
          (site) =>
            !String(valueAt(site, "properties.virtualNetworkSubnetId")).includes("/virtualNetworks/") ||
            valueAt(site, "properties.outboundVnetRouting.allTraffic") !== true,
        )
        .map(({ name }) => name),
    fault: (resources) => {
      setAt(the(resources, types.site, /-api$/u), "properties.virtualNetworkSubnetId", null);
    },
  },
  {
    name: "no two plans call from one subnet",
    proves: "platform: a subnet serves one plan",
    on: production,
    broken: (estate) =>
      estate
        .of(...sites)
        .filter(({ properties: own }) =>
          estate
            .of(...sites)
            .some(
              ({ properties: other }) =>
                other?.["virtualNetworkSubnetId"] === own?.["virtualNetworkSubnetId"] &&
                other?.["serverFarmId"] !== own?.["serverFarmId"],
            ),
        )
        .map(({ name }) => name),
    fault: (resources) => {
      const subnet = valueAt(the(resources, types.site, /-api$/u), "properties.virtualNetworkSubnetId");
      setAt(the(resources, types.site, /-worker$/u), "properties.virtualNetworkSubnetId", subnet);
    },
  },
  property({
    name: "in a network of its own, the runtime tells when to scale",
    proves: "platform: scale in a network",
    on: production,
    types: sites,
    path: "properties.siteConfig.functionsRuntimeScaleMonitoringEnabled",
    is: true,
    not: false,
  }),
  {
    name: "plans have slots",
    proves: "D3",
    broken: (estate) =>
      estate
        .of(types.plan)
        .filter(({ sku }) => !/^(?:EP[1-3]|P[0-3]v3)$/u.test((sku as { name: string }).name))
        .map(({ name }) => name),
    fault: (resources) => {
      setAt(the(resources, types.plan), "sku.name", "FC1");
    },
  },
  {
    name: "no two slots have the same host id",
    proves: "platform: host id of 32 characters",
    broken: (estate) =>
      estate
        .of(types.site)
        .map(({ name }) => `${name}-staging`)
        .filter((name) => name.length > 32),
    fault: (resources) => {
      const site = structuredClone(the(resources, types.site, /-worker$/u));
      resources.push(Object.assign(site, { name: `${site.name}-of-a-long-name`, id: site.id }));
    },
  },
  everywhere(
    {
      name: "the host of each app has an account of its own: no app reaches the other's keys, leases and timers",
      proves: "S10; platform: an account for each app",
    },
    (found, { app, estate: { resources } }) => {
      const own = the(resources, types.storage, new RegExp(`${app}host$`, "u")).name;
      return found["AzureWebJobsStorage__accountName"] === own ? [] : ["AzureWebJobsStorage__accountName"];
    },
    (found) => {
      const own = found["AzureWebJobsStorage__accountName"] ?? "";
      found["AzureWebJobsStorage__accountName"] = own.replace(/workerhost$/u, "apihost");
    },
  ),
  setting("WEBSITE_SWAP_WARMUP_PING_PATH", "/health/ready", "/health", {
    name: "a swap waits until the new code says that it is ready",
    proves: "D3",
  }),
  setting("WEBSITE_SWAP_WARMUP_PING_STATUSES", "200", "200,503", {
    name: "a swap takes nothing but 200 for ready",
    proves: "D3",
  }),
  setting("WEBSITE_OVERRIDE_STICKY_EXTENSION_VERSIONS", "0", "1", {
    name: "a swap restarts no production instance for the runtime's version",
    proves: "D3",
  }),
  setting("AzureWebJobsStorage__credential", "managedidentity", "key", {
    name: "the host itself uses the identity",
    proves: "S7",
  }),
  everywhere(
    { name: "triggers use the identity", proves: "S7" },
    (found) => ["DATA__credential", "COSMOS__credential"].filter((name) => found[name] !== "managedidentity"),
    (found) => (found["DATA__credential"] = "key"),
  ),
  setting("FUNCTIONS_EXTENSION_VERSION", "~4", "~3", {
    name: "apps run on version 4 of the Functions host",
    proves: "platform: one host for all",
  }),
  setting("AzureWebJobsDisableHomepage", "true", "false", {
    name: "an app does not show at its root what it runs on",
    proves: "platform: the host's own page at /",
  }),
  setting("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", String(2 * maxBodyBytes), "104857600", {
    name: "the host takes no body into memory that the app would not read",
    proves: "threat 16",
  }),
  setting("WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID", "SystemAssigned", "", {
    name: "code is read by the identity",
    proves: "S7",
  }),
  setting("languageWorkers__node__arguments", "--disable-proto=throw", "--throw-deprecation", {
    name: "the prototype is closed at run time",
    proves: "threat 13",
  }),
  setting("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Authorization=AAD", "", {
    name: "traces are written by the identity",
    proves: "S7",
  }),
  everywhere(
    { name: "an app knows which environment it is in", proves: "S5" },
    (found, { estate }) => (found["CALLPILOT_ENVIRONMENT"] === estate.environment ? [] : ["CALLPILOT_ENVIRONMENT"]),
    (found) => (found["CALLPILOT_ENVIRONMENT"] = found["CALLPILOT_ENVIRONMENT"] === "staging" ? "sandbox" : "staging"),
  ),
  everywhere(
    { name: "an app is pointed to vault, accounts and database of its own environment", proves: "S5" },
    (found, { estate }) => {
      const marks = marksOfEnvironment(estate);
      return Object.keys(marks).filter((name) => found[name]?.includes(marks[name] ?? "") !== true);
    },
    (found) => (found["VAULT_URL"] = "https://kv-cp-elsewhere.vault.azure.net/"),
  ),
  everywhere(
    { name: "an app has every setting that it asks for, and starts", proves: "S5" },
    (found) => problemsOfConfig(found),
    (found) => {
      delete found["OIDC_AUDIENCE"];
    },
  ),
  everywhere(
    { name: "no setting holds a secret, or has one put into the environment", proves: "S5, S7, S8" },
    (found) => Object.keys(found).filter((name) => secretLike.test(found[name] ?? "")),
    (found) => (found["PARTNER_TOKEN"] = "@Microsoft.KeyVault(SecretUri=https://kv.example/secrets/partner)"),
  ),
  everywhere(
    { name: "no setting asks for a storage key", proves: "S7; platform: content share" },
    (found) =>
      ["AzureWebJobsStorage", "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", "WEBSITE_CONTENTSHARE"].filter((name) =>
        Object.hasOwn(found, name),
      ),
    (found) => (found["WEBSITE_CONTENTSHARE"] = "callpilot"),
  ),
  everywhere(
    { name: "apps wait for the scanner that there is", proves: "threat 10" },
    (found, { estate }) => {
      const wanted = estate.environment === "sandbox" ? "off" : "defender";
      return found["MALWARE_GATE"] === wanted ? [] : ["MALWARE_GATE"];
    },
    (found) => (found["MALWARE_GATE"] = found["MALWARE_GATE"] === "off" ? "defender" : "off"),
  ),
  {
    name: "both slots have settings of the same names",
    proves: "D3",
    broken: (estate) =>
      apps.flatMap((app) => {
        const [one, other] = slots.map((slot) => Object.keys(settings(estate.resources, app, slot)));
        return [...(one ?? []), ...(other ?? [])].filter((name) => one?.includes(name) !== other?.includes(name));
      }),
    fault: (resources) => {
      settings(resources, "api", "staging")["FEATURE"] = "on";
      // Sticky, so that nothing but its absence in the other slot is wrong.
      stickyOf(resources, "api").push("FEATURE");
    },
  },
  {
    name: "what differs between slots stays with them, but the code",
    proves: "D3",
    broken: (estate) =>
      apps.flatMap((app) => {
        const [one = {}, other = {}] = slots.map((slot) => settings(estate.resources, app, slot));
        const sticky = stickyOf(estate.resources, app);
        return Object.keys(one).filter(
          (name) =>
            Object.hasOwn(other, name) &&
            one[name] !== other[name] &&
            name !== "WEBSITE_RUN_FROM_PACKAGE" &&
            !sticky.includes(name),
        );
      }),
    fault: (resources) => {
      const sticky = stickyOf(resources, "worker");
      sticky.splice(sticky.indexOf(off("processVideo")), 1);
    },
  },
  {
    name: "the code goes with the slot: a deployment of the infrastructure does not bring the old one back",
    proves: "D3; platform: settings are replaced as a whole",
    broken: (estate) => apps.filter((app) => stickyOf(estate.resources, app).includes("WEBSITE_RUN_FROM_PACKAGE")),
    fault: (resources) => {
      stickyOf(resources, "api").push("WEBSITE_RUN_FROM_PACKAGE");
    },
  },
  {
    name: "nothing in a staging slot takes from production's queues, feeds and clocks",
    proves: "D3; platform: triggers in slots",
    broken: (estate) => {
      const staging = settings(estate.resources, "worker", "staging");
      return whole.worker.filter((fn) => staging[off(fn)] !== "true");
    },
    fault: (resources) => {
      settings(resources, "worker", "staging")[off("processVideo")] = "false";
      settings(resources, "worker", "production")[off("processVideo")] = "false";
    },
  },
  {
    name: "in production the worker runs every function that has a trigger",
    proves: "platform: triggers in slots",
    broken: (estate) => {
      const found = settings(estate.resources, "worker", "production");
      return whole.worker.filter((fn) => found[off(fn)] !== "false");
    },
    fault: (resources) => {
      settings(resources, "worker", "production")[off("sendMail")] = "true";
    },
  },
  everywhere(
    { name: "the api answers requests, and runs nothing that has a trigger", proves: "S6: ffmpeg beside no tokens" },
    (found, { app }) => (app === "api" ? whole.worker.filter((fn) => found[off(fn)] !== "true") : []),
    (found) => (found[off("processVideo")] = "false"),
    "api",
  ),
  everywhere(
    { name: "the worker answers probes, and no request of the API", proves: "S6: ffmpeg beside no tokens" },
    (found, { app }) => (app === "worker" ? whole.api.filter((fn) => found[off(fn)] !== "true") : []),
    (found) => (found[off("createKey")] = "false"),
  ),
  {
    name: "no function is switched on or off that is not in the code",
    proves: "platform: triggers in slots",
    broken: (estate) => {
      const known = [...whole.api, ...whole.worker].map(off);
      return places.flatMap(({ app, slot }) =>
        Object.keys(settings(estate.resources, app, slot)).filter(
          (name) => /^AzureWebJobs\..+\.Disabled$/u.test(name) && !known.includes(name),
        ),
      );
    },
    fault: (resources) => {
      for (const slot of slots) settings(resources, "api", slot)[off("oldFunction")] = "true";
    },
  },
  property({
    name: "an app is asked for by what its slot is called",
    proves: "D3",
    types: settingsOf,
    named: /\/staging\/appsettings$/u,
    path: "properties.CALLPILOT_SLOT",
    is: "staging",
    not: "production",
  }),
];

/** Settings that lead to something of the environment's own, and what of its name is in them. */
function marksOfEnvironment({ resources }: Estate): Settings {
  const data = the(resources, types.storage, /data$/u).name;
  return {
    VAULT_URL: the(resources, types.vault).name.replace(/^kv-/u, ""),
    COSMOS__accountEndpoint: the(resources, types.cosmos).name,
    DATA_ACCOUNT: data,
    DATA__blobServiceUri: data.replace(/data$/u, ""),
    DATA__queueServiceUri: data.replace(/data$/u, ""),
    AzureWebJobsStorage__accountName: data.replace(/data$/u, ""),
  };
}

/** What the app itself would say at its start. What only Azure resolves stands for an address. */
function problemsOfConfig(found: Settings): readonly string[] {
  const resolved = Object.entries(found).map(([name, value]) => [name, value.startsWith("[") ? standIn(name) : value]);
  return problemsByText(JSON.stringify(resolved));
}

const known = new Map<string, readonly string[]>();

/** Of settings as text. Kept, since parsing takes 15 ms and each fault changes the settings of one app at most. */
function problemsByText(entries: string): readonly string[] {
  const found = known.get(entries) ?? parsed(Object.fromEntries(JSON.parse(entries) as [string, string][]));
  known.set(entries, found);
  return found;
}

function parsed(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    parseConfig(env);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

function standIn(name: string): string {
  return name === "MAIL_SENDER" ? "sender@callpilot.example" : "https://resolved.callpilot.example";
}
