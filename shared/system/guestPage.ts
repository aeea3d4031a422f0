import { html } from "../web/html.ts";
import { Page } from "../web/page.ts";

const css = `
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5a6675; --paper: #f4f6f8; --card: #fff; --line: #dde3ea; --accent: #0b6bcb; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edf3; --soft: #9aa7b6; --paper: #10151b; --card: #19212a; --line: #2b3641; --accent: #6db3ff; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem 1rem 3rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; }
main { max-width: 38rem; margin: 0 auto; }
.brand { margin: 0 0 1.5rem; color: var(--accent); font-weight: 700; letter-spacing: .02em; }
section { margin: 0 0 1rem; padding: 1.25rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 0 0 .5rem; font-size: 1.0625rem; }
p { margin: 0 0 .75rem; }
p:last-child { margin: 0; }
.soft { color: var(--soft); }
ol { margin: 0 0 .75rem; padding-left: 1.25rem; }
li { margin: 0 0 .4rem; }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
code { overflow-wrap: anywhere; }
pre { margin: 0 0 .75rem; padding: .9rem; border-radius: .6rem; background: var(--paper); white-space: pre-wrap; overflow-wrap: anywhere; }
`;

/** What a guest link opens as long as no app answers there: kind words, and for developers the way a link is used. */
export function guestPage(apiUrl: string): Page {
  const example = [
    `curl ${apiUrl}/v1/guest/session \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d '{"token":"<what follows # in the link>"}'`,
  ].join("\n");
  return new Page({
    title: "Your video survey",
    css,
    body: html`<main>
      <p class="brand">Callpilot</p>
      <section>
        <h1>Your link has arrived</h1>
        <p>It opens a video survey that somebody has prepared for you. There is no page to record it on here yet.</p>
        <p class="soft">
          Please keep the link to yourself, and ask whoever sent it to you how to go on. It works like a key, and this page
          has not sent it anywhere.
        </p>
      </section>
      <section>
        <h2>For developers</h2>
        <ol>
          <li>Take the token: everything behind <code>#</code> in the link. Browsers never send it to a server.</li>
          <li>Exchange it for a session of 30 minutes:</li>
        </ol>
        <pre>${example}</pre>
        <p>Send the <code>bearer</code> of the answer as <code>Authorization: Bearer …</code> to <code>/v1/guest/…</code>.</p>
        <p class="soft">Every operation is described in <code>${apiUrl}/v1/openapi.json</code>.</p>
      </section>
    </main>`,
  });
}
