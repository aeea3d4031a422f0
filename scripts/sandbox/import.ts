import { tmpdir } from "node:os";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Static, Type } from "@sinclair/typebox";
import type { Analysis } from "../../shared/media/analyse.ts";
import { invitationKind } from "../../shared/members/member.ts";
import { closed } from "../../shared/schema.ts";
import { type BlobContainer, blobClient } from "../../shared/storage/accounts.ts";
import { tenantContainer } from "../../shared/storage/containers.ts";
import { uploadFile } from "../../shared/storage/streams.ts";
import { counterId, counterKind } from "../../shared/tenancy/counter.ts";
import { reservationId, reservationKind } from "../../shared/tenancy/reservation.ts";
import type { TenantScope } from "../../shared/tenancy/scope.ts";
import { type WrittenItem, writeItems } from "../../shared/tenancy/wholeTenant.ts";
import { type Quotas, type Tenant, counters, tenantKind } from "../../shared/tenants/tenant.ts";
import { fault } from "../../shared/validator.ts";
import { type OutputBlob, type Outputs, type Video, blobNames, videoKind } from "../../shared/videos/video.ts";
import { count } from "./count.ts";
import { type CopyReport, Drop } from "./drop.ts";
import { Notes } from "./notes.ts";
import { Placeholders } from "./placeholders.ts";
import { plan } from "./plan.ts";
import { ProgressBar } from "./progress.ts";

/** The tenant cannot take the copy; the message says why. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** Beside the tenant's videos, while it is being filled. */
const notesBlob = "sandbox/progress.json";
/** Once a tenant has a copy, and its counters too, that is reserved under this name for its folder: there is one only. */
const copyReservation = { scope: "sandbox_copy", value: "copy" } as const;

/** How far filling the tenant is. */
const Progress = closed({
  folder: Type.String({ maxLength: 80 }),
  pages: Type.Integer({ minimum: 0 }),
  /** Items by kind, to be compared with what the export wrote. */
  written: Type.Record(Type.String(), Type.Integer()),
  /** By counter. */
  counted: Type.Record(Type.String(), Type.Integer()),
  /** What the tenant takes over of the one that it is a copy of: it has its own name, people and container. */
  likeness: Type.Object({}),
});
type Progress = Static<typeof Progress>;

/** What an item counts for, beside the bytes of its files. */
const countedAs: Readonly<Record<string, string>> = {
  survey: counters.surveys,
  member: counters.members,
  apiKey: counters.keys,
  template: counters.templates,
  templateVersion: counters.templateVersions,
};

const Item = Type.Object({
  id: Type.String({ pattern: "^[\\w-]{1,128}$" }),
  kind: Type.String({ maxLength: 40 }),
  schemaVersion: Type.Integer({ minimum: 1 }),
  createdAt: Type.String({ format: "date-time" }),
  updatedAt: Type.String({ format: "date-time" }),
});

export interface ImportOptions {
  /** Address of the drop's container. */
  readonly from: string;
  /** Folder of the copy; the newest finished one unless given. */
  readonly copy: string | undefined;
  readonly say: (line: string) => void;
}

/**
 * Fills a tenant that has no surveys yet with a copy, and its container with videos that stand in for those of production;
 * goes on where an earlier run was interrupted. Throws {@link Refused} for a tenant that holds something else.
 */
export async function importCopy(tenant: TenantScope, { from, copy, say }: ImportOptions): Promise<CopyReport> {
  const own = await tenant.repository.find(tenantKind, tenant.tenantId);
  if (own?.state !== "active") throw new Refused(`${tenant.tenantId} is no active tenant of this environment`);
  const drop = new Drop(from);
  const folder = copy ?? (await newest(drop));
  const report = await drop.report(folder);
  if (report === undefined) throw new Refused(`there is no finished copy ${folder} in the drop`);
  const work = await mkdtemp(join(tmpdir(), "callpilot-sandbox-"));
  try {
    await using placeholders = new Placeholders(work);
    await new Import(tenant, own, drop, placeholders).run(folder, report, say);
    return report;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The newest copy, as long as all are of one tenant: by their pseudonyms nobody can tell whose is wanted. */
async function newest(drop: Drop): Promise<string> {
  const folders = await drop.finished();
  const last = folders.at(-1);
  if (last === undefined) throw new Refused("there is no finished copy in the drop");
  if (new Set(folders.map((folder) => folder.split("/", 1)[0])).size > 1)
    throw new Refused(
      `the drop has copies of several tenants, or of one under several keys; say which: --copy ${folders.join(", --copy ")}`,
    );
  return last;
}

class Import {
  readonly #tenant: TenantScope;
  readonly #container: BlobContainer;
  readonly #notes: Notes<typeof Progress>;
  readonly #drop: Drop;
  readonly #placeholders: Placeholders;

  constructor(tenant: TenantScope, { account }: Tenant, drop: Drop, placeholders: Placeholders) {
    this.#tenant = tenant;
    this.#container = tenantContainer(tenant.tenantId, account);
    this.#notes = new Notes(blobClient(this.#container, notesBlob), Progress);
    this.#drop = drop;
    this.#placeholders = placeholders;
  }

  async run(folder: string, report: CopyReport, say: (line: string) => void): Promise<void> {
    const kept = await this.#notes.read();
    if (await this.#has(folder)) {
      await this.#notes.remove();
      say(`${folder} is there already`);
      return;
    }
    const progress = await this.#begin(folder, kept);
    if (progress.pages > 0) say(`going on behind page ${progress.pages}`);
    const bar = new ProgressBar("writing", report.pages);
    while (progress.pages < report.pages) {
      const items = await this.#drop.readPage(folder, progress.pages + 1);
      if (items === undefined) throw new Refused(`page ${progress.pages + 1} of ${folder} is gone: ${startOver}`);
      await this.#write(items.map(checked), progress);
      bar.reach(progress.pages);
    }
    if (!isDeepStrictEqual(progress.written, report.copied))
      throw new Refused(`${folder} has other items than its report says: ${startOver}`);
    await this.#finish(folder, progress);
    await this.#notes.remove();
  }

  /** Whether the tenant is filled with this copy. Throws {@link Refused} where it is with another one. */
  async #has(folder: string): Promise<boolean> {
    const id = reservationId(copyReservation.scope, copyReservation.value);
    const filled = await this.#tenant.repository.find(reservationKind, id);
    if (filled !== undefined && filled.owner !== folder)
      throw new Refused(`the tenant has another copy, ${filled.owner}: make another tenant`);
    return filled !== undefined;
  }

  async #begin(folder: string, kept: Progress | "unreadable" | undefined): Promise<Progress> {
    if (kept === undefined) {
      const surveys = await this.#tenant.repository.find(counterKind, counterId(counters.surveys));
      if ((surveys?.value ?? 0) > 0) throw new Refused("the tenant has surveys; a copy goes into one that has none");
    } else if (kept === "unreadable")
      throw new Refused(`half a copy of another version of this program is in this tenant: ${startOver}`);
    else if (kept.folder !== folder) {
      const isThere = (await this.#drop.report(kept.folder)) !== undefined;
      const advice = isThere ? `--copy ${kept.folder} goes on with it` : startOver;
      throw new Refused(`another copy is half in this tenant: ${advice}`);
    }
    const progress = kept ?? { folder, pages: 0, written: {}, counted: {}, likeness: {} };
    await this.#notes.write(progress);
    return progress;
  }

  async #write(items: readonly WrittenItem[], progress: Progress): Promise<void> {
    const written: WrittenItem[] = [];
    for (const item of items) {
      if (item.kind === tenantKind.name) progress.likeness = likenessOf(item);
      else written.push(item.kind === videoKind.name ? await this.#withFiles(item, progress) : item);
      if (item.kind !== reservationKind.name) count(progress.written, item.kind);
      const counter = item.kind === invitationKind.name ? seatOf(item) : countedAs[item.kind];
      if (counter !== undefined) count(progress.counted, counter);
    }
    await writeItems(this.#tenant.tenantId, written);
    progress.pages++;
    await this.#notes.write(progress);
  }

  /** The video with files of its own, if it is one that can be played. */
  async #withFiles(item: WrittenItem, progress: Progress): Promise<WrittenItem> {
    const video = item as unknown as Video;
    const { outputs, state } = video;
    const filled = outputs === undefined || state !== "ready" ? video : await this.#filled(item.id, video, outputs);
    count(progress.counted, counters.videoBytes, filled.countedBytes);
    return { ...item, ...filled };
  }

  async #filled(id: string, video: Video, outputs: Outputs): Promise<Video> {
    const { original, stream, surveyId } = video;
    const { durationMs, width, height } = outputs;
    using made = await this.#placeholders.make({
      ...{ durationMs, width, height },
      sizes: {
        original: original?.size ?? 0,
        video: outputs.video.size,
        ...(stream !== undefined && { stream: stream.media.size }),
      },
    });
    const names = blobNames(surveyId, id);
    const put = async (blob: string, file: { path: string; size: number; sha256: string }, contentType: string) => {
      await uploadFile(this.#container, blob, file.path, { contentType });
      return { blob, size: file.size, sha256: file.sha256 } satisfies OutputBlob;
    };
    const originalBlob = await put(names.original, made.original, video.upload.contentType);
    const videoBlob = await put(names.video, made.video, "video/mp4");
    const poster = await put(names.poster, made.poster, "image/jpeg");
    const sprite = await put(names.sprite, made.sprite, "image/jpeg");
    const streamBlobs = made.stream && {
      media: await put(names.stream, made.stream.media, "video/mp4"),
      playlist: await put(names.playlist, made.stream.playlist, "application/vnd.apple.mpegurl"),
    };
    const files = [originalBlob, videoBlob, poster, sprite, ...Object.values(streamBlobs ?? {})];
    return {
      ...video,
      original: originalBlob,
      outputs: {
        ...outputs,
        ...{ video: videoBlob, poster, sprite: { ...sprite, cues: made.sprite.cues } },
        ...{ durationMs: made.durationMs, width: made.width, height: made.height },
      },
      ...(streamBlobs !== undefined && { stream: streamBlobs }),
      ...(video.analysisState === "done" && { analysis: stillAndSilent(made.durationMs) }),
      countedBytes: files.reduce((sum, { size }) => sum + size, 0),
    };
  }

  /** Counters, the tenant's own document, and that all is done: in one change, so that nothing counts twice. */
  async #finish(folder: string, { counted, likeness }: Progress): Promise<void> {
    const { tenantId, repository } = this.#tenant;
    const { scope, value } = copyReservation;
    const change = this.#tenant.change().reserve(scope, value, folder, "conflict");
    const used: Record<string, number> = {};
    for (const [name, more] of Object.entries(counted)) {
      const counter = await repository.find(counterKind, counterId(name));
      if (counter === undefined) change.startCounter(name, more);
      else change.count(name, more);
      used[name] = (counter?.value ?? 0) + more;
    }
    const own = await repository.get(tenantKind, tenantId);
    change.patch(tenantKind, own, { ...likeness, quotas: roomFor(own.quotas, used) }, { ifMatch: own.etag });
    await change.record();
  }
}

/** Half a copy can neither be taken back nor be filled up with another one. */
const startOver = "make another tenant, and throw this one away";

/** An invitation holds a seat as long as it may become a member. */
function seatOf(item: WrittenItem): string | undefined {
  return item["status"] === "open" ? counters.members : undefined;
}

/** The tenant's own quotas, or as much as leaves room for work beside the copy. */
function roomFor(quotas: Quotas, used: Readonly<Record<string, number>>): Quotas {
  const room = (name: keyof Quotas) => Math.max(quotas[name], 2 * (used[name] ?? 0));
  return { surveys: room("surveys"), videoBytes: room("videoBytes"), members: room("members") };
}

function checked(item: unknown): WrittenItem {
  const wrong = fault(Item, item);
  const { kind } = (item ?? {}) as Partial<WrittenItem>;
  const isCopied = kind === reservationKind.name || "copied" in (plan[kind ?? ""] ?? {});
  if (wrong !== undefined || !isCopied) throw new Refused("the copy has an item that no export writes");
  return item as WrittenItem;
}

function likenessOf(item: WrittenItem): Pick<Tenant, "consentText" | "branding"> {
  const { consentText, branding } = item as unknown as Tenant;
  return { consentText, branding };
}

/** What the analysis of test bars would find. */
function stillAndSilent(durationMs: number): Analysis {
  const never = { totalMs: 0, longest: [] };
  return {
    ...{ waveform: "", silent: never, black: never },
    frozen: { totalMs: durationMs, longest: [{ startMs: 0, endMs: durationMs }] },
  };
}
