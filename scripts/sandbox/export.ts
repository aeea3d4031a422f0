import { ulid } from "ulid";
import { type Static, Type } from "@sinclair/typebox";
import { config } from "../../shared/config.ts";
import { kinds } from "../../shared/kinds.ts";
import { closed } from "../../shared/schema.ts";
import { templateVersionKind } from "../../shared/templates/template.ts";
import { type FieldClasses, isListOfWords } from "../../shared/tenancy/classification.ts";
import type { ListedKind } from "../../shared/tenancy/kind.ts";
import { logHead } from "../../shared/tenancy/log.ts";
import type { StoredItem } from "../../shared/tenancy/repository.ts";
import type { TenantScope } from "../../shared/tenancy/scope.ts";
import { pageSize, readItems } from "../../shared/tenancy/wholeTenant.ts";
import { fault } from "../../shared/validator.ts";
import { type CopyReport, Drop, Workroom } from "./drop.ts";
import { type Leak, LeakScan } from "./leakScan.ts";
import { finishes, plan } from "./plan.ts";
import { ProgressBar } from "./progress.ts";
import { pseudonymKey } from "./pseudonymKey.ts";
import { Pseudonyms, standIns } from "./pseudonyms.ts";
import { type QuestionsOf, type RedactedItem, Unclassified, redacted, valuesOf } from "./redact.ts";

/** Something of production was about to leave. Nothing of its page was written. */
export class Leaked extends Error {
  override readonly name = "Leaked";

  constructor(leaks: readonly Leak[]) {
    const places = leaks.slice(0, 10).map(({ item, way }) => `${way} of ${item}`);
    super(`the leak scan found production's values in ${leaks.length} places: ${places.join(", ")}`);
  }
}

/** How far a copy is, so that the next run goes on. */
const Progress = closed({
  folder: Type.String({ maxLength: 80 }),
  startedAt: Type.String({ maxLength: 30 }),
  pages: Type.Integer({ minimum: 0 }),
  /** Id of the last item that is in a page or was left. */
  behind: Type.String({ maxLength: 128 }),
  copied: Type.Record(Type.String(), Type.Integer()),
  left: Type.Record(Type.String(), Type.Integer()),
  replaced: Type.Record(Type.String(), Type.Integer()),
});
type Progress = Static<typeof Progress>;

export interface ExportOptions {
  /** Address of the drop's container. */
  readonly to: string;
  /** Makes a new key of pseudonyms, and begins anew. */
  readonly newPseudonyms: boolean;
  readonly say: (line: string) => void;
}

/** A finished copy, and what it says of itself. */
interface Exported {
  readonly folder: string;
  readonly report: CopyReport;
}

/** After that, an interrupted copy is begun anew. */
const longestMs = 86_400_000;
/** Known tokens that are hidden for the scan to find. */
const controls = 200;

/**
 * Redacts a tenant's items into a new folder of the drop, and gives its name and report; goes on where an earlier run was interrupted.
 * Reads the database and no recording. Everything is read once before anything is written: what nobody classified ends it
 * first ({@link Unclassified}), and the scan knows all that it looks for.
 */
export async function exportTenant(tenant: TenantScope, options: ExportOptions): Promise<Exported> {
  const workroom = new Workroom(options.to);
  const key = await pseudonymKey(workroom, options.newPseudonyms);
  try {
    return await new Export(tenant, options, workroom, new Pseudonyms(key)).run();
  } finally {
    key.fill(0);
  }
}

class Export {
  readonly #tenant: TenantScope;
  readonly #options: ExportOptions;
  readonly #workroom: Workroom;
  readonly #drop: Drop;
  readonly #pseudonyms: Pseudonyms;
  readonly #scan = new LeakScan([
    ...standIns,
    ...finishes,
    ...kinds.flatMap(({ name, fields }) => [name, ...wordsIn(fields)]),
  ]);
  readonly #questions = new Map<string, ReturnType<QuestionsOf>>();

  constructor(tenant: TenantScope, options: ExportOptions, workroom: Workroom, pseudonyms: Pseudonyms) {
    this.#tenant = tenant;
    this.#options = options;
    this.#workroom = workroom;
    this.#drop = new Drop(options.to);
    this.#pseudonyms = pseudonyms;
  }

  async run(): Promise<Exported> {
    const { say } = this.#options;
    let total = 0;
    for await (const page of this.#pages("")) {
      for (const item of page) this.#scan.learn(item, valuesOf(item, kindOf(item)));
      total += page.length;
    }
    if (total === 0) throw new Error(`there is no tenant ${this.#tenant.tenantId} in this environment`);
    const { tried, missed } = this.#scan.missed(controls);
    if (missed > 0)
      throw new Error(`the leak scan is blind: it missed ${missed} of ${tried} values that were hidden for it`);
    say(
      `${total} items read; the leak scan looks for ${this.#scan.tokens} texts of theirs, and found all of ${tried} hidden`,
    );
    const progress = await this.#begin();
    await this.#writePages(progress, total);
    const report = this.#reportOf(progress, tried);
    await this.#drop.finish(progress.folder, report);
    await this.#workroom.remove(this.#progressName);
    return { folder: progress.folder, report };
  }

  async *#pages(behind: string): AsyncGenerator<readonly StoredItem[]> {
    let last = behind;
    for (;;) {
      const page = await readItems(this.#tenant.tenantId, last);
      yield page.filter(({ kind }) => kind !== logHead);
      if (page.length < pageSize) return;
      last = page.at(-1)?.id ?? last;
    }
  }

  get #progressName(): string {
    return `${this.#tenant.tenantId}.json`;
  }

  async #begin(): Promise<Progress> {
    const kept = await this.#workroom.read(this.#progressName);
    if (kept !== undefined && fault(Progress, kept) !== undefined)
      throw new Error(`${this.#progressName} is not as this program writes it`);
    const progress = kept as Progress | undefined;
    const place = this.#pseudonyms.id(this.#tenant.tenantId);
    // What was begun with another key is left: one copy never has pseudonyms of two.
    if (progress?.folder.startsWith(`${place}/`) === true && (await this.#isUnderWay(progress))) {
      this.#options.say(`going on with ${progress.folder}, of which ${progress.pages} pages are there`);
      return progress;
    }
    const counts = { copied: {}, left: {}, replaced: {} };
    const begun = {
      folder: `${place}/${ulid()}`,
      startedAt: new Date().toISOString(),
      pages: 0,
      behind: "",
      ...counts,
    };
    await this.#workroom.write(this.#progressName, begun);
    return begun;
  }

  /** Half of today's and half of last week's items are no copy, and a whole one is not gone on with. */
  async #isUnderWay({ folder, startedAt }: Progress): Promise<boolean> {
    const isRecent = Date.parse(startedAt) > Date.now() - longestMs;
    return isRecent && (await this.#drop.report(folder)) === undefined;
  }

  async #writePages(progress: Progress, total: number): Promise<void> {
    const bar = new ProgressBar("redacting", total);
    const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, each) => all + each, 0);
    for await (const page of this.#pages(progress.behind)) {
      const items = await this.#redacted(page, progress);
      const leaks = this.#scan.search(items);
      if (leaks.length > 0) throw new Leaked(leaks);
      await this.#drop.writePage(progress.folder, progress.pages + 1, items);
      progress.pages++;
      progress.behind = page.at(-1)?.id ?? progress.behind;
      await this.#workroom.write(this.#progressName, progress);
      bar.reach(sum(progress.copied) + sum(progress.left));
    }
  }

  async #redacted(page: readonly StoredItem[], progress: Progress): Promise<readonly RedactedItem[]> {
    const items: RedactedItem[] = [];
    for (const item of page) {
      const kind = kindOf(item);
      // It may have been written since everything was read.
      const values = valuesOf(item, kind);
      this.#scan.learn(item, values);
      const fate = fateOf(item);
      if ("left" in fate) {
        count(progress.left, item.kind);
        continue;
      }
      const copy = await redacted(item, kind, this.#pseudonyms, (id) => this.#questionsOf(id));
      items.push(...(fate.finish?.(copy, item) ?? [copy]));
      count(progress.copied, item.kind);
      for (const { said } of values) if (typeof said === "string") count(progress.replaced, said);
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

  #reportOf({ startedAt, pages, copied, left, replaced }: Progress, tried: number): CopyReport {
    const { technical: _, ...changed } = replaced;
    return {
      ...{ format: 1, commit: config().commit ?? "unknown", startedAt, endedAt: new Date().toISOString(), pages },
      copied,
      left: Object.fromEntries(
        Object.entries(left).map(([kind, number]) => [kind, { count: number, why: reasonOf(kind) }]),
      ),
      replaced: changed,
      leakScan: { tokens: this.#scan.tokens, leaks: 0, controls: tried },
    };
  }
}

/** The names of the fields, and the words that they may have. */
function wordsIn(fields: FieldClasses): readonly string[] {
  return Object.entries(fields).flatMap(([name, said]) => {
    if (typeof said === "string") return [name];
    return [name, ...(isListOfWords(said) ? said : wordsIn(said))];
  });
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
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
