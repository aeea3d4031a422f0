/** A file that an answer is, instead of JSON. */
export class Download {
  readonly fileName: string;
  readonly content: string;
  /** Path and query of where the file goes on, if it was too long for one. */
  readonly next: string | undefined;

  constructor(file: { readonly fileName: string; readonly content: string; readonly next?: string | undefined }) {
    this.fileName = file.fileName;
    this.content = file.content;
    this.next = file.next;
  }
}

const maxLength = 120;

/**
 * A name that is one on every system and can do nothing as part of a header: letters and digits of any script, dot, dash
 * and underscore; no leading dot, no path, no name that Windows keeps for devices. At most 120 characters.
 */
export function safeFileName(text: string): string {
  const plain = text
    .normalize("NFC")
    .split(/[^\p{L}\p{M}\p{N}._-]|(?<=\.)\./u)
    .filter((part) => part !== "")
    .join("-");
  let name = Array.from(plain.replace(/^[.-]+/u, ""))
    .slice(0, maxLength)
    .join("");
  while (/[.-]$/u.test(name)) name = name.slice(0, -1);
  if (name === "") return "file";
  return /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/iu.test(name) ? `_${name}` : name;
}

/** `Content-Disposition` of a file to be saved, its name in ASCII and in UTF-8 (RFC 6266, RFC 8187). */
export function attachment(fileName: string): string {
  const name = safeFileName(fileName);
  const ascii = name.replaceAll(/[^\x20-\x7e]/gu, "_");
  const encoded = ascii === name ? "" : `; filename*=UTF-8''${encodeURIComponent(name)}`;
  return `attachment; filename="${ascii}"${encoded}`;
}
