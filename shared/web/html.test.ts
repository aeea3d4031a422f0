import { describe, expect, it } from "vitest";
import { html } from "./html.ts";
import { toJson } from "./json.ts";

describe("html", () => {
  it("escapes every value for text and for quoted attributes", () => {
    const hostile = `"><script>alert('1')</script>&`;
    expect(html`<p title="${hostile}">${hostile}</p>`.markup).toBe(
      `<p title="&quot;&gt;&lt;script&gt;alert(&apos;1&apos;)&lt;/script&gt;&amp;">&quot;&gt;&lt;script&gt;alert(&apos;1&apos;)&lt;/script&gt;&amp;</p>`,
    );
  });

  it("keeps markup that it made itself, once and in lists", () => {
    const items = ["<a>", "b"].map((text) => html`<li>${text}</li>`);
    expect(html`<ul>${items}</ul>${html`<hr>`}${undefined}`.markup).toBe("<ul><li>&lt;a&gt;</li><li>b</li></ul><hr>");
  });
});

describe("toJson", () => {
  it("cannot end a script or an element, and parses back to the same text", () => {
    const value = { text: "</script><b>&\u2028\u2029" };
    expect(toJson(value)).not.toMatch(/[<>&\u2028\u2029]/u);
    expect(JSON.parse(toJson(value))).toEqual(value);
  });
});
