import { type Server, createServer } from "node:http";
import { type Browser, type Page, chromium } from "playwright-core";
import { listen, stop } from "../../local/service.ts";
import { provideBrowser } from "../../scripts/browserClip.ts";

/** A document as a browser has it. */
export interface Rendered {
  readonly title: string;
  /** Every element with the names of its attributes, in order: what markup made of it. */
  readonly elements: readonly string[];
  /** Every text between elements, in order. */
  readonly texts: readonly string[];
}

/** What documents did, beside being shown. */
export interface Deeds {
  /** Dialogs that they opened. */
  readonly dialogs: readonly string[];
  /** Addresses that they asked for. */
  readonly requests: readonly string[];
}

type Headers = Readonly<Record<string, string>>;

/** Chromium on documents that a server of this process serves, with nothing else in reach. */
export class BrowserForTests implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #origin: string;
  /** What is served, by its place in the address. */
  #documents: readonly string[] = [];
  #headers: Headers = {};

  private constructor(browser: Browser, server: Server, port: number) {
    this.#browser = browser;
    this.#server = server;
    this.#origin = `http://127.0.0.1:${port}`;
    server.on("request", ({ url = "" }, response) => {
      const document = this.#documents[Number(url.slice(1))];
      if (document === undefined) response.writeHead(404).end();
      else response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...this.#headers }).end(document);
    });
  }

  static async start(): Promise<BrowserForTests> {
    const server = createServer();
    const port = await listen(server, 0, "documents");
    const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
    const browser = await chromium.launch({ executablePath: provideBrowser(), args });
    return new BrowserForTests(browser, server, port);
  }

  /** Shows the document, lets it do what it does, and tells what its markup came to. */
  async render(html: string, headers: Headers = {}): Promise<Deeds & Rendered> {
    this.#headers = headers;
    const { seen, ...deeds } = await this.#show([html], (page) => page.evaluate<Rendered>(`(${walker})(document)`));
    return { ...deeds, ...seen };
  }

  /** The same for many documents, side by side in one page; one that went elsewhere has come to nothing. */
  async renderAll(documents: readonly string[]): Promise<Deeds & { readonly rendered: readonly Rendered[] }> {
    this.#headers = {};
    const frames = documents.map((_, at) => `<iframe src="/${at + 1}"></iframe>`).join("");
    const { seen, ...deeds } = await this.#show([`<!doctype html>${frames}`, ...documents], (page) =>
      page.evaluate<Rendered[]>(
        `[...document.querySelectorAll("iframe")].map(({ contentDocument }) => (${walker})(contentDocument))`,
      ),
    );
    return { ...deeds, rendered: seen };
  }

  async #show<T>(
    documents: readonly string[],
    look: (page: Page) => Promise<T>,
  ): Promise<Deeds & { readonly seen: T }> {
    this.#documents = documents;
    const context = await this.#browser.newContext();
    const [dialogs, requests]: [string[], string[]] = [[], []];
    try {
      const page = await context.newPage();
      page.on("dialog", (dialog) => {
        dialogs.push(dialog.message());
        // It may be gone by now, with its document.
        void dialog.dismiss().catch(() => undefined);
      });
      await context.route(
        (url) => url.origin !== this.#origin,
        async (route) => {
          requests.push(route.request().url());
          await route.abort();
        },
      );
      await page.goto(`${this.#origin}/0`, { waitUntil: "load" });
      const seen = await look(page);
      return { dialogs, requests, seen };
    } finally {
      await context.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await stop(this.#server);
  }
}

/** Runs in the page. Text, because it is the browser's code: its names are not Node's. */
const walker = `(document) => {
  const elements = [], texts = [];
  if (document === null) return { title: "", elements, texts };
  const nodes = document.createTreeWalker(document, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const node = nodes.currentNode;
    if (node.nodeType === Node.TEXT_NODE) texts.push(node.data);
    else elements.push([node.localName, ...node.getAttributeNames()].join(" "));
  }
  return { title: document.title, elements, texts };
}`;
