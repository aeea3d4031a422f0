/**
 * Texts that mean harm to whoever takes them for more than text, by what they aim at. Those that reach for the network ask
 * for {@link canaryHost}. After OWASP's cheat sheets on XSS filter evasion, injection and CSV, and Unicode TR36.
 */

/** A name that nobody has (RFC 2606). A request to it means that a text was run. */
export const canaryHost = "canary.invalid";
const canary = `https://${canaryHost}`;

const html = [
  "<script>alert(1)</script>",
  "</script><script>alert(2)</script>",
  '</title><svg onload="alert(3)">',
  "</textarea></style></noscript><img src=x onerror=alert(4)>",
  "<img src=x onerror=alert(5)>",
  `<img src=${canary}/i>`,
  '"><img src=x onerror=alert(6)>',
  "'><img src=x onerror=alert(7)>",
  '" autofocus onfocus=alert(8) x="',
  "' onmouseover='alert(9)' style='position:fixed;inset:0'",
  "` onmouseover=alert(10)`",
  "<svg><script>alert(11)</script></svg>",
  "<svg/onload=alert(12)>",
  "<svg><animate onbegin=alert(13) attributeName=x dur=1s>",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(14)>",
  '<math href="javascript:alert(15)">click</math>',
  "<template><script>alert(16)</script></template>",
  "<iframe srcdoc='<script>alert(17)</script>'></iframe>",
  `<iframe src="${canary}/f"></iframe>`,
  `<object data="${canary}/o"></object><embed src="${canary}/e">`,
  `<link rel=stylesheet href=${canary}/l>`,
  `<style>@import '${canary}/s';</style>`,
  `<base href=${canary}/>`,
  `<meta http-equiv=refresh content="0;url=${canary}/m">`,
  `<form action=${canary}/p><input autofocus onfocus=alert(18)></form>`,
  "<details open ontoggle=alert(19)>",
  "<video><source onerror=alert(20)></video>",
  "<body onload=alert(21)>",
  '<a href="javascript:alert(22)">x</a>',
  "javascript:alert(23)",
  "java\u00adscript:alert(24)",
  "data:text/html,<script>alert(25)</script>",
  "vbscript:msgbox(26)",
  "<!--><img src=x onerror=alert(27)>-->",
  "<![CDATA[<img src=x onerror=alert(28)>]]>",
  "<!--#exec cmd='id'-->",
  "&lt;script&gt;alert(29)&lt;/script&gt;",
  "&amp;lt;b&amp;gt; &quot; &#39; &nbsp; &copy",
  "\\u003cscript\\u003ealert(30)\\u003c/script\\u003e",
  "%3Cscript%3Ealert(31)%3C/script%3E",
  "<scr<script>ipt>alert(32)</scr</script>ipt>",
  "＜script＞alert(33)＜/script＞",
  "<ſcript>alert(34)</ſcript>",
  "expression(alert(35)); background:url(javascript:alert(35))",
  "]]>]]&gt;<x xmlns='http://www.w3.org/1999/xhtml'/>",
];

const injection = [
  "' OR '1'='1' --",
  "'; DROP TABLE surveys; --",
  "1 UNION SELECT * FROM c --",
  'x" OR c.tenantId != "',
  "@tenantId",
  '{"$ne": null}',
  '{"$where": "sleep(1000)"}',
  "'; return this.tenantId; var x='",
  "{{7*7}}",
  "${7*7}",
  "<%= 7*7 %>",
  "#{7*7}",
  "{{constructor.constructor('alert(36)')()}}",
  "${jndi:ldap://canary.invalid/a}",
  "{% include '/etc/passwd' %}",
  "$(id)`id`|id;id&&id",
  "() { :;}; echo vulnerable",
  "%0d%0aSet-Cookie:%20a=b",
  "x\u0085y\u2028z\u2029".replaceAll(/[\u0085\u2028\u2029]/gu, "\\r\\n"),
  '","level":"error","message":"forged',
  "%s%s%n%x %d {0} {name}",
  "=1+1+cmd|' /C calc'!A0",
  "+1+1",
  "-1+1",
  "@SUM(1+1)*cmd|' /C calc'!A0",
  '=HYPERLINK("https://canary.invalid/h";"x")',
  "../../../../etc/passwd",
  "..\\..\\windows\\win.ini",
  "%2e%2e%2fetc%2fpasswd",
  "file:///etc/passwd",
  "CON",
  "__proto__",
  "constructor",
  "null",
  "undefined",
  "NaN",
  "true",
  "0x7f000001",
];

const unicode = [
  "e\u0301 \u00e9 \u1e9b\u0323 \u212b",
  "\u0958 \ufb1d",
  "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308",
  "zero\u200bwidth\u200c\u200d\ufeffjoined",
  "\u0430pple-\u0440\u0430yp\u0430l",
  "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽",
  "\ud83d\ude00\u{10ffff}\u{1f9ff}",
  "\ue000\uf8ff\u{f0000}",
  "\ufffe\uffff\u{1fffe}",
  "שלום مرحبا",
  "İıſß ẞ ŉ ﬃ",
  "Ｆｕｌｌｗｉｄｔｈ",
  "  leading, double  and trailing  ",
  "wide\u00a0\u2003\u3000spaces",
  "ta\tb and\nline",
  "\u202Egnp.exe\u202C \u2066x\u2069",
  "line\u2028paragraph\u2029end",
];

const long = ["w".repeat(100), "word ".repeat(20).trim(), "字".repeat(100), "<".repeat(90), "&".repeat(90)];

export const payloads: readonly string[] = [...html, ...injection, ...unicode, ...long];

/** Those that could show in a page or a mail as something else than they are. */
export const visiblePayloads: readonly string[] = [...html, ...unicode];
