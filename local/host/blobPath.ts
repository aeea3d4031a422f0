import { LocalError } from "../service.ts";

/** The path of a blob trigger, `container/{a}/{b}.json`. */
export interface BlobPath {
  readonly container: string;
  /** Start of every name that can match. */
  readonly prefix: string;
  /** The parameters of a blob's name, or undefined if it does not match. */
  match(blobName: string): Record<string, string> | undefined;
}

/**
 * Throws {@link LocalError} for a token in the container's name, as the host does. As there, a parameter takes as much
 * as it can, slashes included.
 */
export function parseBlobPath(path: string): BlobPath {
  const slash = path.indexOf("/");
  const container = slash < 0 ? path : path.slice(0, slash);
  if (/[{}]/u.test(container))
    throw new LocalError(`The blob trigger path "${path}" has a parameter in its container: a trigger watches one.`);
  const pattern = slash < 0 ? "{name}" : path.slice(slash + 1);
  const names = [...pattern.matchAll(/\{(\w+)\}/gu)].map(([, name = ""]) => name);
  const literals = pattern.split(/\{\w+\}/u);
  const [prefix = ""] = literals;

  const match = (blobName: string) => {
    if (names.length === 0) return blobName === prefix ? {} : undefined;
    const suffix = literals.at(-1) ?? "";
    if (!blobName.startsWith(prefix) || !blobName.endsWith(suffix)) return undefined;
    const params: Record<string, string> = {};
    let end = blobName.length - suffix.length;
    // From the right, so that what stands left is as long as possible.
    for (let index = names.length - 1; index > 0; index--) {
      const literal = literals[index] ?? "";
      const start = blobName.lastIndexOf(literal, end - literal.length);
      if (start < prefix.length || end < literal.length) return undefined;
      params[names[index] ?? ""] = blobName.slice(start + literal.length, end);
      end = start;
    }
    if (end < prefix.length) return undefined;
    params[names[0] ?? ""] = blobName.slice(prefix.length, end);
    return params;
  };
  return { container, prefix, match };
}
