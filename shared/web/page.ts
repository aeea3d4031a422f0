import { createHash } from "node:crypto";
import { Html, html } from "./html.ts";

/** An HTML document and the policy it is sent with. */
export class Page {
  readonly markup: string;
  readonly policy: string;

  /** `css` is ours, never made of data: it is the only thing that the page may use beside its text. */
  constructor({ title, css, body }: { readonly title: string; readonly css: string; readonly body: Html }) {
    const style = createHash("sha256").update(css).digest("base64");
    this.policy = `default-src 'none'; style-src 'sha256-${style}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;
    this.markup = html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="robots" content="noindex" />
          <title>${title}</title>
          <style>${new Html(css)}</style>
        </head>
        <body>
          ${body}
        </body>
      </html>`.markup;
  }
}
