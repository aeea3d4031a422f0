import { type BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { identity } from "../../shared/identity.ts";
import { Time, closed } from "../../shared/schema.ts";
import { fault } from "../../shared/validator.ts";
import { Notes, findText, unlessOverwritten } from "./notes.ts";
import type { RedactedItem } from "./redact.ts";

const Count = Type.Integer({ minimum: 0 });
const Counts = Type.Record(Type.String(), Count);

/** What a finished copy says of itself; written last. Nothing in it tells of which tenant it is. */
const CopyReport = closed({
  format: Type.Literal(1),
  /** Commit of the program that made it. */
  commit: Type.String({ maxLength: 60 }),
  /** When it was begun and ended. */
  startedAt: Time,
  endedAt: Time,
  pages: Count,
  /** Items of the copy, and those of production that were left there and why, by kind. */
  copied: Counts,
  left: Type.Record(Type.String(), closed({ count: Count, why: Type.String({ maxLength: 200 }) })),
  /** Values that were replaced, by what they held. */
  replaced: Counts,
  leakScan: closed({ tokens: Count, leaks: Type.Literal(0), controls: Count }),
});
export type CopyReport = Static<typeof CopyReport>;

/**
 * The container in which copies are handed over: production writes, the sandbox reads. `FOLDER/000001.json` and so on are
 * pages of items, `FOLDER/copy.json` says that they are all there.
 */
export class Drop {
  readonly #container: ContainerClient;

  /** Throws TypeError for what is no address of a container. */
  constructor(url: string) {
    this.#container = new ContainerClient(containerUrl(url), identity());
  }

  /** Throws {@link AnotherRun} where there is one already. */
  async addPage(folder: string, page: number, items: readonly RedactedItem[]): Promise<void> {
    const blob = this.#container.getBlockBlobClient(pageName(folder, page));
    await unlessOverwritten(() => putJson(blob, items, { ifNoneMatch: "*" }));
  }

  async removePagesBehind(folder: string, pages: number): Promise<void> {
    for await (const { name } of this.#container.listBlobsFlat({ prefix: `${folder}/` }))
      if (name > pageName(folder, pages)) await this.#container.deleteBlob(name);
  }

  /** Undefined where it is gone. */
  async readPage(folder: string, page: number): Promise<readonly RedactedItem[] | undefined> {
    const found = await findText(this.#container.getBlockBlobClient(pageName(folder, page)));
    return found && (JSON.parse(found.text) as readonly RedactedItem[]);
  }

  /** Whether that many pages are there, from the first one on. */
  async hasPages(folder: string, pages: number): Promise<boolean> {
    const names = new Set<string>();
    for await (const { name } of this.#container.listBlobsFlat({ prefix: `${folder}/` })) names.add(name);
    return Array.from({ length: pages }, (_, at) => pageName(folder, at + 1)).every((name) => names.has(name));
  }

  async finish(folder: string, report: CopyReport): Promise<void> {
    await putJson(this.#container.getBlockBlobClient(`${folder}/copy.json`), report);
  }

  /** Of a finished copy; undefined where there is none in the folder. */
  async report(folder: string): Promise<CopyReport | undefined> {
    const name = `${folder}/copy.json`;
    const found = await findText(this.#container.getBlockBlobClient(name));
    if (found === undefined) return undefined;
    const report = JSON.parse(found.text) as unknown;
    if (fault(CopyReport, report) !== undefined)
      throw new Error(`${name} is not as this version of the program writes it: make another copy`);
    return report as CopyReport;
  }

  /** Folders of finished copies, the oldest first. */
  async finished(): Promise<readonly string[]> {
    const folders = [];
    for await (const { name } of this.#container.listBlobsFlat())
      if (name.endsWith("/copy.json")) folders.push(name.slice(0, -"/copy.json".length));
    // Behind the tenant's pseudonym is a ULID.
    return folders.toSorted((one, other) => (one.slice(-26) < other.slice(-26) ? -1 : 1));
  }
}

/** What only production may see of a copy: its key, wrapped, and how far it is. Beside the drop, in a container of its own. */
export class Workroom {
  readonly #container: ContainerClient;

  constructor(dropUrl: string) {
    const url = new URL(containerUrl(dropUrl));
    this.#container = new ContainerClient(new URL("work", `${url.origin}${folderOf(url.pathname)}`).href, identity());
  }

  notes<S extends TSchema>(name: string, schema: S): Notes<S> {
    return new Notes(this.#container.getBlockBlobClient(name), schema);
  }
}

function folderOf(pathname: string): string {
  return pathname.slice(0, pathname.lastIndexOf("/") + 1);
}

/** Without a query: that is where a signature would be. */
function containerUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== "https:" || url.search !== "" || url.username !== "" || url.pathname.length < 2)
    throw new TypeError("the drop is the https address of a container, without a signature");
  return url.href.replace(/\/$/u, "");
}

function pageName(folder: string, page: number): string {
  return `${folder}/${String(page).padStart(6, "0")}.json`;
}

async function putJson(blob: BlockBlobClient, value: unknown, conditions: { ifNoneMatch?: "*" } = {}): Promise<void> {
  const body = Buffer.from(JSON.stringify(value));
  await blob.upload(body, body.length, { conditions, blobHTTPHeaders: { blobContentType: "application/json" } });
}
