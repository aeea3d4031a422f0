import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type BlockBlobClient, BlobServiceClient } from "@azure/storage-blob";
import { localCredential } from "../../local/cosmos/testSupport.ts";
import { operatorEmail } from "../../local/stack.ts";
import { settingsFile } from "../../scripts/deploy/settings.ts";
import { durationClass, sizeClass } from "../../scripts/sandbox/pseudonyms.ts";
import { settingNames } from "../../shared/config.ts";
import { identify } from "../../shared/media/identify.ts";
import { defaultLimits } from "../../shared/media/limits.ts";
import { containerName } from "../../shared/storage/containers.ts";
import type { Video } from "../../shared/videos/video.ts";
import { type StoredDocument, amend, documents, entries } from "../support/contracts.ts";
import { startStackApart } from "../support/stackApart.ts";
import { useStack } from "../support/stackUnderTest.ts";
import { type TestTenant, expectApi, newTenant } from "../support/tenant.ts";
import { Random } from "../certify/random.ts";
import { plant } from "./plant.ts";
import { Tokens, foundIn } from "./tokens.ts";

export interface Proof {
  readonly surveys: number;
  /** Personal words that were planted, and those of them found in production: all, or the search is blind. */
  readonly planted: number;
  readonly inProduction: number;
  /** Those found in what was handed over, and in what the sandbox has. */
  readonly inDrop: number;
  readonly inSandbox: number;
  /** Pages that were there when the export was killed, and those of all. */
  readonly interruptedAt: number;
  readonly pages: number;
  readonly played: number;
  readonly seconds: Readonly<Record<"export" | "import", number>>;
  readonly violations: readonly string[];
}

/** Copies a tenant as an operator does, with kills in between, in a local Azure of its own, and looks at what arrived. */
export async function prove(options: {
  readonly surveys: number;
  /** How often each half is interrupted, as long as there is enough for it to do. */
  readonly kills: number;
  readonly seed: string;
  readonly say: (line: string) => void;
}): Promise<Proof> {
  const dataDir = await mkdtemp(join(tmpdir(), "callpilot-sandbox-"));
  try {
    const { stack } = await startStackApart(dataDir, []);
    try {
      useStack({ ...stack, operator: { email: operatorEmail }, dataDir });
      return await new Run(stack.blobUrl, stack.caFile, dataDir, options).run();
    } finally {
      await stack[Symbol.asyncDispose]();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** A name that is repeated makes no further key. */
const anew = ["--new-pseudonyms", "proof"] as const;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly seconds: number;
}

class Run {
  readonly #drop: string;
  readonly #blobs: BlobServiceClient;
  readonly #caFile: string;
  readonly #settings: string;
  readonly #surveys: number;
  readonly #kills: number;
  readonly #random: Random;
  readonly #tokens: Tokens;
  readonly #say: (line: string) => void;
  readonly #violations: string[] = [];

  constructor(
    blobUrl: string,
    caFile: string,
    dataDir: string,
    { surveys, kills, seed, say }: Parameters<typeof prove>[0],
  ) {
    this.#drop = `${blobUrl}/drop`;
    this.#blobs = new BlobServiceClient(blobUrl, localCredential);
    this.#caFile = caFile;
    this.#settings = join(dataDir, "settings.env");
    this.#surveys = surveys;
    this.#kills = kills;
    this.#random = new Random(`${seed} kills`);
    this.#tokens = new Tokens(seed);
    this.#say = say;
  }

  async run(): Promise<Proof> {
    await writeFile(this.#settings, settingsFile(settingsIn(process.env)));
    const production = await newTenant();
    const sandbox = await newTenant();
    await plant(production, this.#surveys, this.#tokens);
    const before = await documents(production.id);
    const { words } = this.#tokens;
    this.#say(`${before.length} items planted, with ${words.length} words that nothing else has`);

    await this.#refusesUnclassified(production, before);
    const exported = ["--from", "local", "--to", this.#drop, "--tenant", production.id] as const;
    await this.#begunWithAnotherKey(production, exported);
    const cut = await this.#cutExport(production, exported);
    const interruptedAt = (await this.#namesIn("drop")).length;
    await this.#beginsAnew(production, exported, cut);
    // Of the items, a hundredth is pages.
    await this.#killAgain(exported, "drop", { step: 2, most: this.#surveys / 50 });
    const whole = await this.#copy([...exported, ...anew]);
    this.#demand(whole.code === 0, `the export ended with ${whole.code ?? "a signal"}: ${whole.output}`);
    this.#demand(cut.code === null && whole.output.includes("going on with"), `it did not go on: ${whole.output}`);
    const pages = (await this.#namesIn("drop")).length - 1;
    await this.#inNoOrder(pages);
    const first = await this.#doesNotGoOnWithAWholeOne(production, exported);

    const imported = ["--from", this.#drop, "--to", "local", "--tenant", sandbox.id] as const;
    await this.#asksWhichTenantsCopy(imported);
    const half = await this.#copy(imported, { container: containerName(sandbox.id), blobs: 2 });
    const notes = this.#blobs.getContainerClient(containerName(sandbox.id)).getBlockBlobClient("sandbox/progress.json");
    const left = await noteOf(notes, half);
    await this.#saysHowToGoOn(imported, first);
    await this.#killAgain(imported, containerName(sandbox.id), { step: 100, most: this.#surveys });
    const filled = await this.#copy(imported);
    this.#demand(
      half.code === null && filled.code === 0,
      `the import ended with ${filled.code ?? "a signal"}: ${filled.output}`,
    );
    // As it is left by a run that is killed when all is done but this.
    await notes.upload(left, left.length);
    const again = await this.#copy(imported);
    this.#demand(again.code === 0 && again.output.includes("is there already"), `again: ${again.output}`);
    const second = await this.#copy([...imported, "--copy", first]);
    this.#demand(second.code === 1 && second.output.includes("has another copy"), `a second copy: ${second.output}`);
    const other = await this.#copy([...imported.slice(0, -1), production.id]);
    this.#demand(other.code === 1 && other.output.includes("has surveys"), `into a tenant in use: ${other.output}`);

    const handedOver = await this.#textsIn("drop");
    const after = await documents(sandbox.id);
    const log = await entries(sandbox.id);
    const played = await this.#looks(before, after, sandbox);
    const inDrop = foundIn(handedOver, words);
    const inSandbox = foundIn(
      [...after, ...log].map((document) => JSON.stringify(document)),
      words,
    );
    this.#demand(inDrop.length === 0, `in the drop: ${inDrop.slice(0, 5).join(", ")}`);
    this.#demand(inSandbox.length === 0, `in the sandbox: ${inSandbox.slice(0, 5).join(", ")}`);
    const inProduction = foundIn(
      before.map((document) => JSON.stringify(document)),
      words,
    ).length;
    this.#demand(inProduction === words.length, `of ${words.length} words, production has ${inProduction}`);
    return {
      surveys: this.#surveys,
      ...{ planted: words.length, inProduction, inDrop: inDrop.length, inSandbox: inSandbox.length },
      ...{ interruptedAt, pages, played },
      seconds: { export: whole.seconds, import: filled.seconds },
      violations: this.#violations,
    };
  }

  /** An export that was begun with another key is begun anew: one folder never has pseudonyms of two keys. */
  async #begunWithAnotherKey(production: TestTenant, exported: readonly string[]): Promise<void> {
    await this.#copy(exported, { container: "drop", blobs: 1 });
    const [begun = ""] = await this.#namesIn("drop");
    const { code, output } = await this.#copy([...exported, ...anew]);
    this.#demand(
      code === 0 && !output.includes(begun.split("/", 1)[0] ?? ""),
      `with another key: ${code ?? ""} ${output}`,
    );
    this.#demand(begun !== "" && !output.includes(production.id), "nothing was begun, or it tells the tenant");
    for (const name of await this.#namesIn("drop")) await this.#blobs.getContainerClient("drop").deleteBlob(name);
  }

  /** After a day, with another program, and where pages are gone: a copy has items of one day, and all of them. */
  async #beginsAnew(production: TestTenant, exported: readonly string[], cut: Ended): Promise<void> {
    const drop = this.#blobs.getContainerClient("drop");
    const notes = this.#notesOf(production);
    const kept = await noteOf(notes, cut);
    const { folder, ...rest } = JSON.parse(kept.toString()) as { folder: string };
    const page = drop.getBlockBlobClient(`${folder}/000001.json`);
    const written = await page.downloadToBuffer();
    const dayOld = { startedAt: new Date(Date.now() - 90_000_000).toISOString() };
    for (const change of [dayOld, { commit: "another" }, { unknown: true }, { pages: 1 }]) {
      if ("pages" in change) await page.delete();
      const changed = JSON.stringify({ ...rest, folder, ...change });
      await notes.upload(changed, changed.length);
      const { code, output } = await this.#copy(exported);
      const how = Object.keys(change).join("");
      this.#demand(code === 0 && !output.includes(folder), `begun with another ${how}: ${code ?? ""} ${output}`);
      for (const name of await this.#namesIn("drop")) if (!name.startsWith(folder)) await drop.deleteBlob(name);
    }
    await page.upload(written, written.length);
    await notes.upload(kept, kept.length);
  }

  /** As it is left by an export that is killed when all is done but tidying up. Gives the copy that was whole. */
  async #doesNotGoOnWithAWholeOne(production: TestTenant, exported: readonly string[]): Promise<string> {
    const [folder = ""] = await this.#wholeCopies();
    const notes = this.#notesOf(production);
    this.#demand(!(await notes.exists()), "the export left its notes");
    const report = await this.#blobs.getContainerClient("drop").getBlobClient(`${folder}/copy.json`).downloadToBuffer();
    const { startedAt, commit } = JSON.parse(report.toString()) as { startedAt: string; commit: string };
    const counts = { copied: {}, left: {}, replaced: {} };
    const kept = JSON.stringify({ folder, startedAt, commit, pages: 1, behind: "~", ...counts });
    await notes.upload(kept, kept.length);
    const { code, output } = await this.#copy(exported);
    const isAnew = code === 0 && folder !== "" && !output.includes(folder);
    this.#demand(isAnew, `with a whole copy: ${code ?? ""} ${output}`);
    return folder;
  }

  /** The order of items tells nothing of when they were made. */
  async #inNoOrder(pages: number): Promise<void> {
    const texts = (await this.#textsIn("drop")).slice(0, pages);
    const items = texts.flatMap((text) => JSON.parse(text.slice(text.indexOf(" "))) as { id: string; kind: string }[]);
    const ids = items.filter(({ kind }) => kind !== "reservation").map(({ id }) => id);
    this.#demand(
      ids.length > this.#surveys && ids.join() === ids.toSorted().join(),
      "items are not in order of pseudonyms",
    );
  }

  /** Further kills, each some blobs after the one before. */
  async #killAgain(
    args: readonly string[],
    container: string,
    { step, most }: { readonly step: number; readonly most: number },
  ): Promise<void> {
    for (let kill = 1; kill < this.#kills; kill++) {
      const blobs = (await this.#namesIn(container)).length + 1 + this.#random.below(step);
      if (blobs > most) return;
      const { code, output } = await this.#copy(args, { container, blobs });
      this.#demand(code === null, `kill ${kill}: ${code ?? ""} ${output}`);
    }
  }

  /** Of a tenant that is half filled, while its copy is there and when it is gone. */
  async #saysHowToGoOn(imported: readonly string[], other: string): Promise<void> {
    const drop = this.#blobs.getContainerClient("drop");
    const [, own = ""] = await this.#wholeCopies();
    const goOn = await this.#copy([...imported, "--copy", other]);
    this.#demand(goOn.code === 1 && goOn.output.includes(`--copy ${own} goes on`), `half: ${goOn.output}`);
    const report = drop.getBlockBlobClient(`${own}/copy.json`);
    const kept = await report.downloadToBuffer();
    await report.delete();
    const lost = await this.#copy([...imported, "--copy", other]);
    this.#demand(lost.code === 1 && lost.output.includes("make another tenant"), `half of nothing: ${lost.output}`);
    await report.upload(kept, kept.length);
  }

  /** Nobody can tell by pseudonyms whose copy is the newest. */
  async #asksWhichTenantsCopy(imported: readonly string[]): Promise<void> {
    const drop = this.#blobs.getContainerClient("drop");
    const strange = drop.getBlockBlobClient("tnt_00000000000000000000000000/00000000000000000000000000/copy.json");
    await strange.upload("{}", 2);
    const { code, output } = await this.#copy(imported);
    this.#demand(code === 1 && output.includes("of several tenants"), `two tenants: ${code ?? ""} ${output}`);
    await strange.delete();
    const nowhere = await this.#copy([...imported, "--copy", "nowhere"]);
    this.#demand(
      nowhere.code === 1 && nowhere.output.includes("no finished copy nowhere"),
      `nowhere: ${nowhere.output}`,
    );
  }

  /** A field that nobody classified ends the copy, by its name, before anything leaves. */
  async #refusesUnclassified(production: TestTenant, before: readonly StoredDocument[]): Promise<void> {
    const survey = before.find(({ kind }) => kind === "survey");
    await amend(production.id, survey?.id ?? "", { "/guest/birthday": "1990-01-01" });
    const { code, output } = await this.#copy(["--from", "local", "--to", this.#drop, "--tenant", production.id]);
    this.#demand(
      code === 3 && output.includes("survey.guest.birthday is not classified"),
      `unclassified: ${code ?? ""} ${output}`,
    );
    this.#demand(!output.includes("1990-01-01"), "its value was told");
    this.#demand((await this.#namesIn("drop")).length === 0, "something was in the drop all the same");
    await amend(production.id, survey?.id ?? "", { "/guest": survey?.["guest"] as object });
  }

  /** Whether the sandbox is a tenant like production's, for whoever uses the API. Gives the videos that were played. */
  async #looks(
    before: readonly StoredDocument[],
    after: readonly StoredDocument[],
    { owner, id }: TestTenant,
  ): Promise<number> {
    for (const kind of ["survey", "link", "video", "template", "templateVersion", "apiKey", "invitation"])
      this.#demand(
        countOf(before, kind) === countOf(after, kind) - (kind === "invitation" ? 1 : 0),
        `not as many of kind ${kind}`,
      );
    for (const kind of ["fact", "delivery", "accessGrant", "evidenceDraft", "scanResult", "webhook"])
      this.#demand(countOf(after, kind) === 0, `there is ${kind}`);
    const waiting = after.filter(
      ({ kind, state, analysisState }) =>
        kind === "video" &&
        [state, analysisState].some((each) =>
          ["awaiting_upload", "uploaded", "processing", "waiting", "deleting"].includes(String(each)),
        ),
    );
    this.#demand(waiting.length === 0, `timers go on with ${waiting.length} videos`);
    const { token } = owner;
    const listed = await listAll<{ id: string; state: string }>("/v1/surveys", token);
    const statesOf = (surveys: readonly { readonly id: string; readonly state?: unknown }[]) =>
      surveys.map(({ state }) => String(state)).toSorted();
    this.#demand(
      statesOf(listed).join() === statesOf(before.filter(({ kind }) => kind === "survey")).join(),
      "surveys are in other states",
    );
    this.#demand(distances(before).join() === distances(after).join(), "videos came later or earlier than they did");
    this.#counts(after);
    const [template] = await listAll<{ id: string; publishedVersionId: string }>("/v1/templates", token);
    await expectApi(`POST /v1/templates/${template?.id ?? ""}/publish`, 409, { token });
    await expectApi("POST /v1/surveys", 201, {
      token,
      body: { templateVersionId: template?.publishedVersionId, guest: { name: "Somebody new" } },
    });
    await listAll("/v1/members", token);
    for (const path of ["/v1/webhooks", "/v1/keys"]) await expectApi(`GET ${path}`, 200, { token });
    let played = 0;
    for (const { id: surveyId } of listed) {
      const { body } = await expectApi<{ videos: { id: string; state: string }[] }>(
        `GET /v1/surveys/${surveyId}`,
        200,
        { token },
      );
      if (played >= 20) continue;
      for (const video of body.videos.filter(({ state }) => state === "ready")) {
        await this.#plays(surveyId, video.id, after, token);
        played++;
      }
    }
    await this.#sizesMatch(before, after, id);
    return played;
  }

  /** Counters say what is there: whatever production counted, and with no owner but the sandbox's own. */
  #counts(after: readonly StoredDocument[]): void {
    const ofKinds = (...kinds: readonly string[]) => after.filter(({ kind }) => kinds.includes(kind)).length;
    const accepted = after.filter(({ kind, status }) => kind === "invitation" && status === "accepted").length;
    const there = {
      surveys: ofKinds("survey"),
      members: ofKinds("member", "invitation") - accepted,
      owners: after.filter(({ kind, role }) => kind === "member" && role === "owner").length,
      keys: ofKinds("apiKey"),
      webhooks: 0,
      templates: ofKinds("template"),
      templateVersions: ofKinds("templateVersion"),
      videoBytes: after.reduce((sum, document) => sum + Number(document["countedBytes"] ?? 0), 0),
    };
    this.#demand(there.owners === 1, `${there.owners} owners`);
    for (const [name, count] of Object.entries(there)) {
      const counted = Number(after.find(({ id }) => id === `cnt_${name}`)?.["value"]);
      this.#demand(counted === count, `${name}: ${counted} counted, ${count} there`);
    }
  }

  async #plays(surveyId: string, videoId: string, after: readonly StoredDocument[], token: string): Promise<void> {
    await expectApi(`GET /v1/surveys/${surveyId}/videos/${videoId}`, 200, { token });
    const way = `POST /v1/surveys/${surveyId}/videos/${videoId}/playback`;
    const { body } = await expectApi<{ video: { url: string } }>(way, 200, { token });
    const bytes = new Uint8Array(await (await fetch(body.video.url)).arrayBuffer());
    const read = (start: number, end: number) => Promise.resolve(bytes.subarray(start, end));
    const { durationMs } = await identify({ size: bytes.length, read }, defaultLimits);
    const { outputs } = after.find(({ id }) => id === videoId) as unknown as Video;
    this.#demand(
      Math.abs((durationMs ?? 0) - (outputs?.durationMs ?? -1)) <= 50,
      `${videoId} lasts ${durationMs ?? 0} ms`,
    );
  }

  /** As many videos of each duration, and of each class of size, as production has. */
  async #sizesMatch(
    before: readonly StoredDocument[],
    after: readonly StoredDocument[],
    tenantId: string,
  ): Promise<void> {
    const ready = (all: readonly StoredDocument[], sizeOf: (size: number) => number) =>
      (all.filter(({ kind, state }) => kind === "video" && state === "ready") as unknown as Video[])
        .map(({ outputs, original }) => ({ ms: outputs?.durationMs ?? 0, bytes: sizeOf(original?.size ?? 0) }))
        .toSorted((one, two) => one.bytes - two.bytes || one.ms - two.ms);
    const [was, is] = [ready(before, sizeClass), ready(after, (size) => size)];
    const alike = was.filter(
      ({ ms, bytes }, at) => bytes === is[at]?.bytes && Math.abs(durationClass(ms) - is[at].ms) <= 50,
    );
    this.#demand(
      alike.length === is.length,
      `of ${was.length} videos, ${is.length} came, ${alike.length} of them alike`,
    );
    const container = this.#blobs.getContainerClient(containerName(tenantId));
    const stored = new Map<string, number>();
    for await (const { name, properties } of container.listBlobsFlat()) stored.set(name, properties.contentLength ?? 0);
    const files = after.flatMap((document) => {
      const { original, outputs } = document as unknown as Partial<Video>;
      return [original, outputs?.video, outputs?.poster, outputs?.sprite].flatMap((file) => file ?? []);
    });
    const missing = files.filter(({ blob, size }) => stored.get(blob) !== size);
    this.#demand(missing.length === 0, `${missing.length} files are not there, or of another size`);
    this.#demand(!stored.has("sandbox/progress.json"), "the import left its notes");
  }

  /** Runs the command; killed without a chance to tidy up once there are so many blobs in a container. */
  async #copy(
    args: readonly string[],
    killAt?: { readonly container: string; readonly blobs: number },
  ): Promise<Ended> {
    const program = join(import.meta.dirname, "../../scripts/sandbox.ts");
    const started = performance.now();
    // The file counts, whatever was set before.
    const before = { ...withoutSettings(process.env), CALLPILOT_ENVIRONMENT: "staging" };
    const env = { ...before, NODE_EXTRA_CA_CERTS: this.#caFile };
    const child = spawn(process.execPath, [program, ...args, "--settings", this.#settings], { env });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
    const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
    while (killAt !== undefined && child.exitCode === null) {
      if ((await this.#namesIn(killAt.container)).length >= killAt.blobs) break;
      await delay(20);
    }
    if (killAt !== undefined) child.kill("SIGKILL");
    return { code: await exited, output, seconds: (performance.now() - started) / 1000 };
  }

  /** An export that was killed in its midst; one that was quicker than the killer is made again. */
  async #cutExport(production: TestTenant, exported: readonly string[]): Promise<Ended> {
    for (let attempt = 1; ; attempt++) {
      const cut = await this.#copy(exported, { container: "drop", blobs: 1 });
      if ((await this.#wholeCopies()).length === 0) return cut;
      if (attempt === 5) throw new Error("an export ends sooner than it can be killed");
      for (const name of await this.#namesIn("drop")) await this.#blobs.getContainerClient("drop").deleteBlob(name);
      await this.#notesOf(production).deleteIfExists();
    }
  }

  /** What an export keeps while it is under way. */
  #notesOf({ id }: TestTenant): BlockBlobClient {
    return this.#blobs.getContainerClient("work").getBlockBlobClient(`${id}.json`);
  }

  async #wholeCopies(): Promise<readonly string[]> {
    return (await this.#namesIn("drop")).flatMap((name) => name.split("/copy.json").slice(0, -1));
  }

  async #namesIn(container: string): Promise<readonly string[]> {
    const names = [];
    for await (const { name } of this.#blobs.getContainerClient(container).listBlobsFlat()) names.push(name);
    return names;
  }

  async #textsIn(container: string): Promise<readonly string[]> {
    const client = this.#blobs.getContainerClient(container);
    const texts = [];
    for (const name of await this.#namesIn(container))
      texts.push(`${name} ${(await client.getBlobClient(name).downloadToBuffer()).toString()}`);
    return texts;
  }

  #demand(holds: boolean, otherwise: string): void {
    if (!holds) this.#violations.push(otherwise);
  }
}

/** What an interrupted run has kept. */
async function noteOf(note: BlockBlobClient, { output }: Ended): Promise<Buffer> {
  if (!(await note.exists())) throw new Error(`nothing was begun: ${output}`);
  return await note.downloadToBuffer();
}

/** By how much each video is later than its survey. */
function distances(all: readonly StoredDocument[]): readonly number[] {
  const madeAt = new Map(all.map(({ id, createdAt }) => [id, Date.parse(String(createdAt))]));
  return all
    .filter(({ kind }) => kind === "video")
    .map(({ id, surveyId }) => (madeAt.get(id) ?? NaN) - (madeAt.get(String(surveyId)) ?? NaN))
    .toSorted((one, two) => one - two);
}

function countOf(all: readonly StoredDocument[], kind: string): number {
  return all.filter((document) => document.kind === kind).length;
}

async function listAll<T>(path: string, token: string): Promise<readonly T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const { body } = await expectApi<{ items: T[]; nextCursor?: string }>(`GET ${path}?limit=100${query}`, 200, {
      token,
    });
    items.push(...body.items);
    cursor = body.nextCursor;
  }
  return items;
}

/** The settings of the stack, apart from all else that this process was started with. */
function settingsIn(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(settingNames.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !settingNames.includes(name)));
}
