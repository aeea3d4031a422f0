import { az } from "./az.ts";
import { type Names, type Place, addressOf, codeOf, deploymentPrefix, namesIn, namesOf, settingsOf } from "./place.ts";
import { soonRight } from "./soon.ts";

/**
 * Brings the infrastructure to what `bicep/` says, and leaves the code of every slot as it is. Before there is code, events
 * are not subscribed; a repeat does that. May be repeated at any time. Throws where the live code tells no key for
 * events, or uploads are not scanned, after so many seconds.
 */
export async function deployInfrastructure(place: Place, seconds: number, say: (line: string) => void): Promise<void> {
  const before = await namesIn(place);
  const settings: Record<string, string> = {
    // Azure takes no budget that begins in an earlier month, and none whose beginning changes.
    CALLPILOT_BUDGET_FROM: before?.budgetFrom ?? `${new Date().toISOString().slice(0, "2027-01".length)}-01`,
    ...(before === undefined ? { CALLPILOT_SUBSCRIBE: "false" } : await asItRuns(place, before, seconds)),
  };
  const what = [
    ...["--resource-group", place.group, "--name", deploymentName()],
    ...["--parameters", `bicep/params/${place.environment}.bicepparam`],
  ];
  const { changes } = await az<{ readonly changes: readonly Change[] }>(
    ["deployment", "group", "what-if", ...what, "--no-pretty-print"],
    settings,
  );
  const seen = changes.filter(({ changeType }) => !["NoChange", "Ignore"].includes(changeType));
  for (const { changeType, resourceId } of seen)
    say(`${changeType}: ${resourceId.split("/providers/").at(-1) ?? resourceId}`);
  const lost = seen.filter(({ changeType }) => changeType === "Delete");
  if (lost.length > 0) throw new Error(`${lost.length} resources would be deleted: do that by hand, if it is meant`);
  await az(["deployment", "group", "create", ...what], settings);
  const names = await namesOf(place);
  await lockSeals(place, names, say);
  await demandScans(place, names, seconds);
  say(
    settings["CALLPILOT_SUBSCRIBE"] === "true"
      ? "events are subscribed"
      : "events wait for the code: stage it, then repeat",
  );
}

/** By its time, so that names sort as deployments do, and one that fails does not take the place of one that did not. */
function deploymentName(): string {
  return `${deploymentPrefix}${new Date().toISOString().replaceAll(/[:.]/gu, "-")}`;
}

interface Change {
  readonly changeType: string;
  readonly resourceId: string;
}

/** What the parameters are to leave as it is, and the webhook, once the code that answers it is live. */
async function asItRuns(place: Place, names: Names, seconds: number): Promise<Record<string, string>> {
  const { api, worker } = names;
  const [sealPolicy, apiCode, apiStaging, workerCode, workerStaging] = await Promise.all([
    sealPolicyOf(place, names),
    codeOf(place, api, "production"),
    codeOf(place, api, "staging"),
    codeOf(place, worker, "production"),
    codeOf(place, worker, "staging"),
  ]);
  const code = {
    CALLPILOT_API_PACKAGE: apiCode,
    CALLPILOT_API_STAGING_PACKAGE: apiStaging,
    CALLPILOT_WORKER_PACKAGE: workerCode,
    CALLPILOT_WORKER_STAGING_PACKAGE: workerStaging,
    // Azure takes a locked policy no second time.
    CALLPILOT_SEALS_LOCKED: String(sealPolicy.state === "Locked"),
  };
  if (workerCode === "1") return { ...code, CALLPILOT_SUBSCRIBE: "false" };
  return { ...code, CALLPILOT_SUBSCRIBE: "true", CALLPILOT_MANIFEST_WEBHOOK: await webhookOf(place, worker, seconds) };
}

/** The address that Event Grid is given, with the extension's key in it, which the extension makes when it first starts. */
async function webhookOf(place: Place, worker: string, seconds: number): Promise<string> {
  let key = "";
  await soonRight(seconds, `${worker} is live and tells no key for events`, async () => {
    const keys = await az<{ readonly systemKeys?: Readonly<Record<string, string>> }>([
      ...["functionapp", "keys", "list", "--resource-group", place.group, "--name", worker],
    ]);
    key = keys.systemKeys?.["blobs_extension"] ?? "";
    return key === "" ? ["there is none"] : [];
  });
  const query = new URLSearchParams({ functionName: "Host.Functions.processVideo", code: key });
  return `${await addressOf(place, worker, "production")}/runtime/webhooks/blobs?${query.toString()}`;
}

interface DefenderSettings {
  readonly properties: {
    readonly malwareScanning?: { readonly operationStatus?: { readonly code?: string; readonly message?: string } };
  };
}

/**
 * Azure takes Defender's settings also from somebody who may not give Defender what it needs. Then it scans nothing, tells so
 * here alone, and every recording would wait at the gate.
 */
async function demandScans(place: Place, { worker, dataAccount }: Names, seconds: number): Promise<void> {
  if ((await settingsOf(place, worker, "production"))["MALWARE_GATE"] !== "defender") return;
  const account = ["storage", "account", "show", "--resource-group", place.group, "--name", dataAccount];
  const { id } = await az<{ readonly id: string }>(account);
  const url = `${id}/providers/Microsoft.Security/defenderForStorageSettings/current?api-version=2025-06-01`;
  const complaint = `Defender does not scan what is uploaded to ${dataAccount}: docs/operations/first-deployment.md`;
  await soonRight(seconds, complaint, async () => {
    const { properties } = await az<DefenderSettings>(["rest", "--method", "get", "--url", url]);
    const { code, message } = properties.malwareScanning?.operationStatus ?? {};
    return code === undefined || code === "Succeeded" ? [] : [`${code}, ${message ?? "no reason given"}`];
  });
}

/** A retention policy can be shortened until it is locked; then nobody can, the operator included. */
async function lockSeals(place: Place, names: Names, say: (line: string) => void): Promise<void> {
  const { etag, state } = await sealPolicyOf(place, names);
  if (state === "Locked") return;
  const lock = ["storage", "container", "immutability-policy", "lock"];
  await az([...lock, ...sealsOf(place, names), "--if-match", etag]);
  say("the retention of seals is locked");
}

function sealPolicyOf(place: Place, names: Names): Promise<{ readonly etag: string; readonly state: string }> {
  return az(["storage", "container", "immutability-policy", "show", ...sealsOf(place, names)]);
}

function sealsOf({ group }: Place, { dataAccount }: Names): readonly string[] {
  return ["--resource-group", group, "--account-name", dataAccount, "--container-name", "seals"];
}
