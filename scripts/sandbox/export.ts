import { ulid } from "ulid";
import { type Static, Type } from "@sinclair/typebox";
import { kinds } from "../../shared/kinds.ts";
import { closed } from "../../shared/schema.ts";
import { templateVersionKind } from "../../shared/templates/template.ts";
import { tenantKind } from "../../shared/tenants/tenant.ts";
import type { ListedKind } from "../../shared/tenancy/kind.ts";
import { logHead } from "../../shared/tenancy/log.ts";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import type { TenantScope } from "../../shared/tenancy/scope.ts";
import { pageSize, readItems, readItemsOf } from "../../shared/tenancy/wholeTenant.ts";
import { buildInfo } from "../buildInfo.ts";
import { count } from "./count.ts";
import { type CopyReport, Drop, Workroom } from "./drop.ts";
import { type Leak, LeakScan } from "./leakScan.ts";
import { plan } from "./plan.ts";
import type { Notes } from "./notes.ts";
import { ProgressBar } from "./progress.ts";
import { pseudonymKey } from "./pseudonymKey.ts";
import { Pseudonyms } from "./pseudonyms.ts";
import { type QuestionsOf, type RedactedItem, Unclassified, redacted, valuesOf } from "./redact.ts";

/** Something of production was about to leave. Nothing of its page was written. */
export class Leaked extends Error {
  override readonly name = "Leaked";

  constructor(leaks: readonly Leak[]) {
    const places = leaks.slice(0, 10).map(({ item, way, of }) => `${way} of item ${item + 1} has what was in a ${of}`);
    super(`the leak scan found production's values in ${leaks.length} places of a page: ${places.join(", ")}`);
  }
}

/** How far a copy is. */
const Progress = closed({
  folder: Type.String({ maxLength: 80 }),
  startedAt: Type.String({ maxLength: 30 }),
  /** Of the program: what another one wrote is no part of this copy. */
  commit: Type.String({ maxLength: 60 }),
  pages: Type.Integer({ minimum: 0 }),
  /** Pseudonym of the last item that is in a page or was left. */
  behind: Type.String({ maxLength: 128 }),
  copied: Type.Record(Type.String(), Type.Integer()),
  left: Type.Record(Type.String(), Type.Integer()),
  replaced: Type.Record(Type.String(), Type.Integer()),
});
type Progress = Static<typeof Progress>;

export interface ExportOptions {
  /** Address of the drop's container. */
  readonly to: string;
  /** A name for which there is to be a key of pseudonyms of its own. */
  readonly newPseudonyms: string | undefined;
  readonly say: (line: string) => void;
}

/** A finished copy, and what it says of itself. */
interface Exported {
  readonly folder: string;
  readonly report: CopyReport;
}

/** An item that is to be copied, or left: in the order of pseudonyms, which tells nothing of when it was made. */
interface Listed {
  readonly id: string;
  readonly pseudonym: string;
}

/** After that, an interrupted copy is begun anew. */
const resumableForMs = 86_400_000;
/** So many known tokens, and as many numbers, are hidden for the scan to find. */
const controls = 200;

/**
 * Redacts a tenant's items into a new folder of the drop, and gives its name and report; goes on where an earlier run was interrupted.
 * Reads the database and no recording. Everything is read, and redacted, once before anything is written: what nobody
 * classified ends it first ({@link Unclassified}), and the scan knows all that it looks for.
 */
export async function exportTenant(tenant: TenantScope, options: ExportOptions): Promise<Exported> {
  const workroom = new Workroom(options.to);
  const commit = await programOf();
  const key = await pseudonymKey(workroom, options.newPseudonyms);
  try {
    return await new Export(tenant, options, workroom, new Pseudonyms(key, tenant.tenantId), commit).run();
  } finally {
    key.fill(0);
  }
}

class Export {
  readonly #tenant: TenantScope;
  readonly #say: (line: string) => void;
  readonly #notes: Notes<typeof Progress>;
  readonly #drop: Drop;
  readonly #pseudonyms: Pseudonyms;
  readonly #commit: string;
  readonly #scan = new LeakScan();
  readonly #questions = new Map<string, ReturnType<QuestionsOf>>();

  constructor(
    tenant: TenantScope,
    { to, say }: ExportOptions,
    workroom: Workroom,
    pseudonyms: Pseudonyms,
    commit: string,
  ) {
    this.#tenant = tenant;
    this.#say = say;
    this.#notes = workroom.notes(`${tenant.tenantId}.json`, Progress);
    this.#drop = new Drop(to);
    this.#pseudonyms = pseudonyms;
    this.#commit = commit;
  }

  async run(): Promise<Exported> {
    const listed = await this.#readAll();
    const { tried, missed } = this.#scan.missed(controls);
    if (missed > 0 || tried === 0)
      throw new Error(`the leak scan is blind: it missed ${missed} of ${tried} values that were hidden for it`);
    this.#say(
      `${listed.length} items read; the leak scan looks for ${this.#scan.tokens} texts of theirs, and found all of ${tried} hidden`,
    );
    const progress = await this.#begin();
    await this.#writePages(progress, listed);
    const { folder, pages, copied } = progress;
    if (copied[tenantKind.name] === undefined) throw new Error(`${this.#tenant.tenantId} was deleted meanwhile`);
    if (!(await this.#drop.hasPages(folder, pages))) throw new Error(`pages of ${folder} were deleted: run it again`);
    const report = this.#reportOf(progress, tried);
    await this.#drop.finish(folder, report);
    await this.#notes.remove();
    return { folder, report };
  }

  /** Everything is learned, and redacted to see whether it can be. */
  async #readAll(): Promise<readonly Listed[]> {
    const listed: Listed[] = [];
    const unwritten = { copied: {}, left: {}, replaced: {} };
    for (let behind = "", more = true; more;) {
      const page = await readItems(this.#tenant.tenantId, behind);
      const items = page.filter(({ kind }) => kind !== logHead);
      await this.#redacted(items, unwritten);
      for (const { id } of items) listed.push({ id, pseudonym: this.#pseudonyms.id(id) });
      behind = page.at(-1)?.id ?? behind;
      more = page.length === pageSize;
    }
    if (listed.length === 0) throw new Error(`there is no tenant ${this.#tenant.tenantId} in this environment`);
    return listed.toSorted(byPseudonym);
  }

  async #begin(): Promise<Progress> {
    const kept = await this.#notes.read();
    const place = this.#pseudonyms.id(this.#tenant.tenantId);
    if (kept !== undefined && kept !== "unreadable" && (await this.#isUnderWay(kept, place))) {
      this.#say(`going on with ${kept.folder}, of which ${kept.pages} pages are there`);
      await this.#notes.write(kept);
      await this.#drop.removePagesBehind(kept.folder, kept.pages);
      return kept;
    }
    const begun = {
      ...{ folder: `${place}/${ulid()}`, startedAt: new Date().toISOString(), commit: this.#commit },
      ...{ pages: 0, behind: "", copied: {}, left: {}, replaced: {} },
    };
    await this.#notes.write(begun);
    return begun;
  }

  /**
   * One copy never has pseudonyms of two keys, pages of two programs, or items of two days; and what is whole, or of which
   * somebody threw pages away, is not gone on with.
   */
  async #isUnderWay({ folder, startedAt, commit, pages }: Progress, place: string): Promise<boolean> {
    if (!folder.startsWith(`${place}/`) || commit !== this.#commit) return false;
    if (Date.parse(startedAt) < Date.now() - resumableForMs) return false;
    return (await this.#drop.hasPages(folder, pages)) && (await this.#drop.report(folder)) === undefined;
  }

  async #writePages(progress: Progress, listed: readonly Listed[]): Promise<void> {
    const bar = new ProgressBar("redacting", listed.length);
    let done = listed.findLastIndex(({ pseudonym }) => pseudonym <= progress.behind) + 1;
    while (done < listed.length) {
      const page = listed.slice(done, done + pageSize);
      const found = await readItemsOf(
        this.#tenant.tenantId,
        page.map(({ id }) => id),
      );
      const items = (await this.#redacted(found, progress)).toSorted((one, other) => (one.id < other.id ? -1 : 1));
      const leaks = this.#scan.search(items);
      if (leaks.length > 0) throw new Leaked(leaks);
      await this.#drop.addPage(progress.folder, progress.pages + 1, items);
      progress.pages++;
      progress.behind = page.at(-1)?.pseudonym ?? progress.behind;
      await this.#notes.write(progress);
      done += page.length;
      bar.reach(done);
    }
  }

  async #redacted(
    page: readonly StoredItem[],
    counts: Pick<Progress, "copied" | "left" | "replaced">,
  ): Promise<readonly RedactedItem[]> {
    const items: RedactedItem[] = [];
    for (const item of page) {
      const kind = kindOf(item);
      // It may have been written since everything was read.
      const values = valuesOf(item, kind);
      this.#scan.learn(item, values);
      const fate = fateOf(item);
      if ("left" in fate) {
        count(counts.left, item.kind);
        continue;
      }
      const copy = await redacted(item, kind, this.#pseudonyms, (id) => this.#questionsOf(id));
      items.push(...(fate.finish?.(copy, item) ?? [copy]));
      count(counts.copied, item.kind);
      for (const { said } of values) if (typeof said === "string") count(counts.replaced, said);
    }
    return items;
  }

  #questionsOf(id: string): ReturnType<QuestionsOf> {
    const known = this.#questions.get(id) ?? this.#read(id);
    this.#questions.set(id, known);
    return known;
  }

  async #read(templateVersionId: string): ReturnType<QuestionsOf> {
    return (await this.#tenant.repository.find(templateVersionKind, templateVersionId))?.questions;
  }

  #reportOf({ startedAt, commit, pages, copied, left, replaced }: Progress, tried: number): CopyReport {
    const { technical: _, ...changed } = replaced;
    return {
      ...{ format: 1, commit, startedAt, endedAt: new Date().toISOString(), pages },
      copied,
      left: Object.fromEntries(
        Object.entries(left).map(([kind, number]) => [kind, { count: number, why: reasonOf(kind) }]),
      ),
      replaced: changed,
      leakScan: { tokens: this.#scan.tokens, leaks: 0, controls: tried },
    };
  }
}

/** The commit of this program, and whether it was changed since. */
async function programOf(): Promise<string> {
  const { commit, dirty } = await buildInfo();
  return dirty === true ? `${commit}, changed` : commit;
}

function byPseudonym({ pseudonym: one }: Listed, { pseudonym: other }: Listed): number {
  return one < other ? -1 : 1;
}

function kindOf({ kind }: StoredItem): ListedKind {
  const known = kinds.find(({ name }) => name === kind);
  if (known === undefined) throw new Unclassified(`${kind} is a kind that nobody classified`);
  return known;
}

function fateOf({ kind }: StoredItem) {
  const fate = plan[kind];
  if (fate === undefined) throw new Unclassified(`${kind} is a kind of which nobody said what becomes of it`);
  return fate;
}

function reasonOf(kind: string): string {
  const fate = plan[kind];
  return fate !== undefined && "left" in fate ? fate.left : "";
}
