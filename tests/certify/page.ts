import { type Html, html } from "../../shared/web/html.ts";
import { Page } from "../../shared/web/page.ts";
import { type Certificate, type SectionStatement, type Statement, thumbprint } from "./certificate.ts";
import type { Violation } from "./ledger.ts";

const css = `
:root { color-scheme: light; --ink: #1b2430; --soft: #5a6675; --line: #dde3ea; --good: #14724a; --bad: #b3261e; --tint: #f4f7f9; --accent: #0b6bcb; }
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem 1.25rem 4rem; background: var(--tint); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 3rem 3.25rem; background: #fff; border: 1px solid var(--line); border-radius: 1rem; }
.brand { margin: 0; color: var(--accent); font-weight: 700; letter-spacing: .02em; }
h1 { margin: .2rem 0 1.5rem; font-size: 2.1rem; line-height: 1.2; }
h2 { margin: 0; font-size: 1.2rem; line-height: 1.35; }
section > h2 { margin-bottom: .6rem; }
h3 { margin: 0 0 .4rem; font-size: .95rem; }
p { margin: 0 0 .75rem; }
.soft { color: var(--soft); }
.verdict { display: grid; grid-template-columns: auto 1fr; gap: 0 1.25rem; align-items: center; margin: 0 0 2rem; padding: 1.4rem 1.6rem; border-radius: .9rem; background: #e9f5ef; color: var(--good); }
.verdict.bad { background: #fcebe9; color: var(--bad); }
.verdict .sign { grid-row: span 2; font-size: 2.4rem; line-height: 1; }
.verdict strong { font-size: 1.35rem; line-height: 1.3; }
.verdict span { color: var(--ink); }
.figures { display: grid; grid-template-columns: repeat(5, 1fr); gap: .75rem; margin: 0 0 2.25rem; padding: 0; list-style: none; }
.figures li { padding: .9rem 1rem; border: 1px solid var(--line); border-radius: .7rem; }
.figures b { display: block; font-size: 1.5rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.figures span { color: var(--soft); font-size: .875rem; line-height: 1.35; display: block; }
section { padding: 1.6rem 0; border-top: 1px solid var(--line); break-inside: avoid; }
.head { display: flex; gap: 1rem; align-items: baseline; justify-content: space-between; margin-bottom: .6rem; }
.mark { flex: none; padding: .1rem .7rem; border-radius: 1rem; background: #e9f5ef; color: var(--good); font-size: .875rem; font-weight: 600; }
.mark.bad { background: #fcebe9; color: var(--bad); }
.promise { font-size: 1.05rem; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
td { padding: .3rem 0; border-bottom: 1px solid #eef2f5; vertical-align: top; }
tr:last-child td { border: 0; }
td:first-child { width: 6.5rem; padding-right: 1.25rem; text-align: right; font-variant-numeric: tabular-nums; font-weight: 600; }
.violation { margin: 1rem 0 0; padding: 1rem 1.2rem; border: 1px solid #f0c8c4; border-radius: .7rem; background: #fff8f7; break-inside: avoid; }
dl + p { margin-top: 1rem; }
dl { display: grid; grid-template-columns: 7.5rem 1fr; gap: .25rem 1rem; margin: 0; font-size: .9375rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .8125rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
@media (max-width: 40rem) { main { padding: 1.75rem 1.25rem; } .figures { grid-template-columns: repeat(2, 1fr); } }
@media print { body { padding: 0; background: #fff; } main { max-width: none; padding: 0; border: 0; } @page { margin: 18mm 16mm; } }
`;

/** The certificate as a page for whoever trusts us with their data: what was promised, tried, and what came of it. */
export function certificatePage({ statement, key, signature }: Certificate): Page {
  const { sections, issuedAt, version, commit, seed, stack } = statement;
  const facts: readonly (readonly [string, string])[] = [
    ["Issued", `${issuedAt.slice(0, 10)}, ${issuedAt.slice(11, 19)} UTC`],
    ["Version", commit === undefined ? version : `${version}, commit ${commit}`],
    ["Running at", `${String(stack["api"])} (${String(stack["environment"])}), Node ${String(stack["node"])}`],
    ["Random choices", `seed ${seed}`],
    ["Signing key", `${key.kid}, RSA, thumbprint ${thumbprint(key)}`],
    ["Signature", signature.value],
  ];
  return new Page({
    title: "Callpilot isolation certificate",
    css,
    body: html`<main>
      <p class="brand">Callpilot</p>
      <h1>Isolation certificate</h1>
      ${verdict(statement)}
      ${figures(statement)}
      ${sections.map(sectionPart)}
      <section>
        <h2>About this certificate</h2>
        <p class="soft">
          It was made by a program that attacked a running Callpilot the way clients could: over the network, with valid,
          invalid and other people's credentials. It says what was tried at that time on that version. It is no proof that
          nothing else could be tried, and it was made on the services that Callpilot is developed with, not on Azure.
        </p>
        <p class="soft">
          It calls the ${String(stack["operations"])} functions that answer requests over the network. Callpilot has others, which timers, queues, the
          database and the storage start: nobody can call those from outside, and this program does not. What they do
          by themselves meanwhile is seen by the database's record, the log and the mails only.
        </p>
        <dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
        <p class="soft">
          The signed original is <code>isolation-certificate.json</code>. Check it with
          <code>npm run certify -- --verify reports/isolation-certificate.json</code>, and the thumbprint with whoever gave it to you.
        </p>
      </section>
    </main>`,
  });
}

function verdict({ result, scope, sections }: Statement): Html {
  const violations = sections.reduce((sum, section) => sum + section.violations.length, 0);
  const part = scope === "part" ? " This is a part of the whole examination only." : "";
  if (result === "isolated")
    return html`<div class="verdict">
      <div class="sign">✓</div>
      <strong>Nothing came through</strong>
      <span>Violations: 0. No attempt reached, changed or revealed another company's data.${part}</span>
    </div>`;
  const what =
    result === "violated" ? `Violations: ${violations}. They are listed below.` : "What is missing is listed below.";
  return html`<div class="verdict bad">
    <div class="sign">✗</div>
    <strong>${result === "violated" ? "Isolation is violated" : "Not enough was tried to certify anything"}</strong>
    <span>${what}${part}</span>
  </div>`;
}

function figures({ sections, stack, seconds }: Statement): Html {
  const sum = (fits: (what: string) => boolean) =>
    sections.reduce(
      (all, { counts }) =>
        all + Object.entries(counts).reduce((own, [what, count]) => own + (fits(what) ? count : 0), 0),
      0,
    );
  const all: readonly (readonly [number | string, string])[] = [
    [sum((what) => what.includes("refused")), "attempts that were refused as promised"],
    [
      sum((what) => what.startsWith("answered")),
      "attempts that were answered as if nothing of another's had been named",
    ],
    [sum((what) => what.startsWith("distinct")), "different combinations of function, caller, credential and target"],
    [sum((what) => what.endsWith("(twins)")), "genuine requests that worked, so that a refusal means something"],
    [stack["operations"] ?? 0, `functions were called in ${Math.round(seconds)} seconds`],
  ];
  return html`<ul class="figures">${all.map(
    ([figure, words]) => html`<li><b>${numeral(figure)}</b><span>${words}</span></li>`,
  )}</ul>`;
}

function numeral(value: number | string): string {
  return typeof value === "number" ? value.toLocaleString("en-US") : value;
}

function sectionPart({ title, promise, how, counts, missed, violations }: SectionStatement): Html {
  const holds = violations.length === 0 && missed.length === 0;
  const found = violations.length === 0 ? "not enough tried" : `${violations.length} violations`;
  return html`<section>
    <div class="head">
      <h2>${title}</h2>
      ${holds ? html`<span class="mark">✓ 0 violations</span>` : html`<span class="mark bad">✗ ${found}</span>`}
    </div>
    <p class="promise">${promise}</p>
    <p class="soft">${how}</p>
    <table>
      <tbody>${Object.entries(counts).map(([what, count]) => html`<tr><td>${numeral(count)}</td><td>${what}</td></tr>`)}</tbody>
    </table>
    ${missed.map((sentence) => html`<p class="violation">${sentence}</p>`)}
    ${violations.map(violationPart)}
  </section>`;
}

function violationPart({
  operation,
  caller,
  credential,
  target,
  expected,
  got,
  request,
  requestId,
  control,
}: Violation): Html {
  const rows: readonly (readonly [string, string])[] = [
    ["Caller", caller],
    ["Credential", credential],
    ["Target", target],
    ["Request", requestId === undefined ? request : `${request} (${requestId})`],
    ["Expected", expected],
    ["Got", got],
    ["Look first at", control],
  ];
  return html`<div class="violation">
    <h3>${operation}</h3>
    <dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
  </div>`;
}
