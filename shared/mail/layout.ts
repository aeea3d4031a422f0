import { type Tenant, defaultColor } from "../tenants/tenant.ts";
import { type Html, html } from "../web/html.ts";

type Brand = Tenant["branding"];

/** One part of a mail, top to bottom. */
export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "button"; readonly label: string; readonly url: string }
  /** Something to copy. */
  | { readonly type: "code"; readonly label: string; readonly text: string };

export interface Content {
  readonly subject: string;
  readonly heading: string;
  readonly parts: readonly Part[];
  /** Why this mail came and what to do if it should not have. */
  readonly footer: string;
}

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** The one layout of all mails, as HTML and as text that says the same. Loads nothing from anywhere. */
export function renderMail(brand: Brand, content: Content): RenderedMail {
  const { subject, heading, parts, footer } = content;
  const text = [brand.displayName, heading, ...parts.map(partText), `-- \n${footer}`].join("\n\n");
  return { subject, text: `${text}\n`, html: page(brand, content).markup };
}

/** A time as a reader anywhere understands it, e.g. `3 March 2026 at 14:05 UTC`. */
export function spoken(time: string): string {
  return `${format.format(new Date(time))} UTC`;
}

const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });

function partText(part: Part): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "button":
      return `${part.label}:\n${part.url}`;
    case "code":
      return `${part.label}:\n${part.text}`;
  }
}

const font = "font-family:Segoe UI,system-ui,-apple-system,Roboto,Helvetica,Arial,sans-serif";

// Mail programs know tables and inline styles, and little else.
function page(brand: Brand, { subject, heading, parts, footer }: Content): Html {
  const color = /^#[0-9a-f]{6}$/iu.test(brand.color) ? brand.color : defaultColor;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta name="color-scheme" content="light" />
        <title>${subject}</title>
      </head>
      <body style="margin:0;padding:24px 12px;background:#f5f5f5;color:#242424;${font};font-size:16px;line-height:24px">
        <table role="presentation" width="100%" cellspacing="0" cellpadding="0" border="0">
          <tr>
            <td align="center">
              <table role="presentation" width="100%" cellspacing="0" cellpadding="0" border="0"
                style="max-width:560px;background:#ffffff;border:1px solid #e0e0e0;border-radius:8px;text-align:left">
                <tr>
                  <td style="padding:24px 32px 0;border-top:4px solid ${color};border-radius:8px;${font};font-weight:600">
                    ${brand.displayName}
                  </td>
                </tr>
                <tr>
                  <td style="padding:8px 32px 24px;${font}">
                    <h1 style="margin:0 0 16px;font-size:24px;line-height:32px;font-weight:600">${heading}</h1>
                    ${parts.map((part) => partMarkup(part, color))}
                  </td>
                </tr>
              </table>
              <p style="max-width:560px;margin:16px 0 0;color:#616161;font-size:12px;line-height:16px;text-align:left">
                ${footer}
              </p>
            </td>
          </tr>
        </table>
      </body>
    </html>`;
}

function partMarkup(part: Part, color: string): Html {
  switch (part.type) {
    case "text":
      return html`<p style="margin:0 0 16px">${part.text}</p>`;
    case "button": {
      const style = `display:inline-block;padding:10px 20px;border-radius:4px;background:${color};color:${textOn(color)};font-weight:600;text-decoration:none`;
      return html`<p style="margin:0 0 16px"><a href="${part.url}" style="${style}">${part.label}</a></p>`;
    }
    case "code":
      return html`<p style="margin:0 0 4px">${part.label}:</p>
        <p style="margin:0 0 16px;padding:12px;border-radius:4px;background:#f5f5f5;font-family:Consolas,Menlo,monospace;font-size:14px;word-break:break-all">${part.text}</p>`;
  }
}

/** White or black, whichever contrasts more with the color (WCAG 2.2, relative luminance). */
function textOn(color: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 ? "#ffffff" : "#000000";
}
