import type { OutgoingHttpHeaders } from "node:http";
import { encode } from "html-entities";
import type { ReceivedMail } from "./mail.ts";

/** More would make a page that nobody reads. */
const shown = 100;

/** The mailbox as a page without scripts, the newest mail first and open. */
export function mailPage(mails: readonly ReceivedMail[]): string {
  const list =
    mails.length === 0
      ? html`<p class="empty">No mail yet. What the app sends appears here; reload to look again.</p>`
      : mails.slice(0, shown).map((mail, index) => article(mail, index === 0));
  const count = `${mails.length} ${mails.length === 1 ? "message" : "messages"}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Local mail</title>
        <style>
          ${new Markup(css)}
        </style>
      </head>
      <body>
        <header>
          <h1>Local mail</h1>
          <p>${count}. Nothing here has left this machine.</p>
        </header>
        <main>${list}</main>
      </body>
    </html>`.text;
}

/**
 * The page runs no script and loads nothing. Styles of mails stand in the same policy, because a frame made from
 * `srcdoc` inherits it: hence inline ones are allowed.
 */
export const mailPagePolicy: OutgoingHttpHeaders = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Text that is HTML already. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** HTML in which every value is escaped, unless it is {@link Markup} itself. */
function html(parts: TemplateStringsArray, ...values: (string | Markup | readonly Markup[])[]): Markup {
  return new Markup(String.raw({ raw: parts }, ...values.map(escaped)));
}

function escaped(value: string | Markup | readonly Markup[]): string {
  if (value instanceof Markup) return value.text;
  return typeof value === "string" ? encode(value) : value.map(({ text }) => text).join("");
}

function article(mail: ReceivedMail, open: boolean): Markup {
  const { content, recipients, senderAddress, attachments = [], receivedAt } = mail;
  const names = (addresses: { address: string; displayName?: string }[] = []) =>
    addresses.map(({ address, displayName }) => (displayName ? `${displayName} <${address}>` : address)).join(", ");
  const rows = Object.entries({
    From: senderAddress,
    To: names(recipients.to),
    Cc: names(recipients.cc),
    Bcc: names(recipients.bcc),
    "Reply to": names(mail.replyTo),
    Attachments: attachments.map(({ name }) => name).join(", "),
  }).filter(([, value]) => value !== "");
  return html`<details ${new Markup(open ? "open" : "")}>
    <summary>
      <strong>${content.subject}</strong>
      <span>${names(recipients.to)}</span>
      <time datetime="${receivedAt}">${receivedAt.slice(0, 19).replace("T", " ")} UTC</time>
    </summary>
    <dl>
      ${rows.map(
        ([label, value]) =>
          html`<div>
            <dt>${label}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    ${content.html === undefined ? [] : frame(content.subject, content.html)}
    ${content.plainText === undefined ? [] : plain(content.plainText, content.html === undefined)}
  </details>`;
}

/** The sender's HTML, without scripts, forms or an origin. Its links open beside, so that they can be tried. */
function frame(title: string, body: string): Markup {
  const document = `<base target="_blank">${body}`;
  return html`<iframe
    title="${title}"
    sandbox="allow-popups allow-popups-to-escape-sandbox"
    srcdoc="${document}"
  ></iframe>`;
}

function plain(text: string, open: boolean): Markup {
  const parts = text.split(/(https?:\/\/[^\s<>"]+)/u);
  const linked = parts.map((part, index) =>
    index % 2 === 0 ? html`${part}` : html`<a href="${part}" target="_blank" rel="noreferrer">${part}</a>`,
  );
  return html`<details class="plain" ${new Markup(open ? "open" : "")}>
    <summary>Plain text</summary>
    <pre>${linked}</pre>
  </details>`;
}

const css = `
  :root { color-scheme: light; --line: #dfe3e8; --quiet: #5b6673; --accent: #0b5cad; }
  * { box-sizing: border-box; }
  body { margin: 0; background: #f4f6f8; color: #17202a; font: 16px/1.5 system-ui, sans-serif; }
  header, main { max-width: 52rem; margin: 0 auto; padding: 0 1rem; }
  header { padding-top: 2rem; padding-bottom: 1rem; }
  h1 { margin: 0; font-size: 1.5rem; }
  header p, .empty { margin: 0; color: var(--quiet); }
  .empty { padding: 3rem 1rem; text-align: center; background: #fff; border: 1px dashed var(--line); border-radius: 10px; }
  main > details { margin-bottom: .75rem; background: #fff; border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
  main > details[open] { box-shadow: 0 2px 10px #17202a14; }
  main > details > summary { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .8rem 1.1rem; cursor: pointer; list-style: none; }
  summary strong { overflow-wrap: anywhere; }
  summary span { grid-row: 2; color: var(--quiet); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  summary time { color: var(--quiet); font-size: .85rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
  summary:hover strong { color: var(--accent); }
  summary:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; border-radius: 10px; }
  dl { margin: 0; padding: .6rem 1.1rem; border-top: 1px solid var(--line); font-size: .9rem; }
  dl div { display: grid; grid-template-columns: 6.5rem 1fr; }
  dt { color: var(--quiet); }
  dd { margin: 0; overflow-wrap: anywhere; }
  iframe { display: block; width: 100%; height: 26rem; border: 0; border-top: 1px solid var(--line); background: #fff; resize: vertical; }
  .plain { border-top: 1px solid var(--line); padding: .6rem 1.1rem; }
  .plain summary { cursor: pointer; color: var(--quiet); font-size: .9rem; }
  pre { margin: .6rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.5 ui-monospace, monospace; }
  a { color: var(--accent); }
  @media (max-width: 40rem) {
    main > details > summary { grid-template-columns: minmax(0, 1fr); }
    summary span { grid-row: auto; }
    dl div { grid-template-columns: 5rem 1fr; }
  }
`;
