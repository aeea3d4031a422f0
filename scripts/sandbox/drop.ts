import { ContainerClient, type BlockBlobClient, isRestError } from "@azure/storage-blob";
import { identity } from "../../shared/identity.ts";
import type { RedactedItem } from "./redact.ts";

/** What a finished copy says of itself; written last. Nothing in it tells of which tenant it is. */
export interface CopyReport {
  readonly format: 1;
  /** Commit of the program that made it. */
  readonly commit: string;
  /** When it was begun and ended. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly pages: number;
  /** Items of the copy, and those of production that were left there and why, by kind. */
  readonly copied: Readonly<Record<string, number>>;
  readonly left: Readonly<Record<string, { readonly count: number; readonly why: string }>>;
  /** Values that were replaced, by what they held. */
  readonly replaced: Readonly<Record<string, number>>;
  readonly leakScan: { readonly tokens: number; readonly leaks: 0; readonly controls: number };
}

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

  async writePage(folder: string, page: number, items: readonly RedactedItem[]): Promise<void> {
    await putJson(this.#container.getBlockBlobClient(pageName(folder, page)), items);
  }

  async readPage(folder: string, page: number): Promise<readonly RedactedItem[]> {
    return (await getJson(this.#container.getBlockBlobClient(pageName(folder, page)))) as readonly RedactedItem[];
  }

  async finish(folder: string, report: CopyReport): Promise<void> {
    await putJson(this.#container.getBlockBlobClient(`${folder}/copy.json`), report);
  }

  async report(folder: string): Promise<CopyReport> {
    return (await getJson(this.#container.getBlockBlobClient(`${folder}/copy.json`))) as CopyReport;
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

  async read(name: string): Promise<unknown> {
    try {
      return await getJson(this.#container.getBlockBlobClient(name));
    } catch (error) {
      if (isRestError(error) && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  async write(name: string, value: unknown): Promise<void> {
    await putJson(this.#container.getBlockBlobClient(name), value);
  }

  async remove(name: string): Promise<void> {
    await this.#container.getBlockBlobClient(name).deleteIfExists();
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

async function putJson(blob: BlockBlobClient, value: unknown): Promise<void> {
  const body = Buffer.from(JSON.stringify(value));
  await blob.upload(body, body.length, { blobHTTPHeaders: { blobContentType: "application/json" } });
}

async function getJson(blob: BlockBlobClient): Promise<unknown> {
  return JSON.parse((await blob.downloadToBuffer()).toString()) as unknown;
}
