import { lintSource } from "@secretlint/core";
import { creator as pattern } from "@secretlint/secretlint-rule-pattern";
import { creator as known } from "@secretlint/secretlint-rule-preset-recommend";

/**
 * Credentials of Azure and of our own, which the known set does not find. A storage or Cosmos DB key is 64 bytes in
 * base64 (`…==`, 88 signs). Application Insights' connection string is no secret (Entra authentication) and fits none.
 */
const ours: readonly { readonly name: string; readonly patterns: readonly string[] }[] = [
  { name: "storage or Cosmos DB key", patterns: [String.raw`/(?<![\w+\/])[\w+\/]{86}==(?![\w=])(?<!sha512-.{88})/g`] },
  {
    name: "connection string with a key",
    patterns: [String.raw`/\b(?:AccountKey|SharedAccessKey|Password|Pwd)=[\w+\/-]{16,}={0,2}/gi`],
  },
  { name: "shared access signature", patterns: [String.raw`/[?&;]sig=[\w%+\/-]{40,}={0,2}/g`] },
  // Entra ID: three signs, a digit, Q~ and 31 to 34 more.
  { name: "client secret", patterns: [String.raw`/(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])/g`] },
  { name: "private key", patterns: [String.raw`/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/g`] },
  { name: "JSON Web Token", patterns: [String.raw`/\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g`] },
  { name: "webhook secret", patterns: [String.raw`/\bwhsec_[\w+\/-]{24,}={0,2}/g`] },
  { name: "service key", patterns: [String.raw`/\bcpk_[\w.-]{32,}/g`] },
];

const config = {
  rules: [
    { id: "known", rule: known },
    { id: "pattern", rule: pattern, options: { patterns: ours } },
  ],
};

/** What looks like a credential in the text; each is told by its kind and line, never by its value. */
export async function secretsIn(file: string, content: string): Promise<{ line: number; kind: string }[]> {
  const { messages } = await lintSource({
    source: { filePath: file, content, contentType: "text", ext: file.slice(file.lastIndexOf(".")) },
    options: { config, noPhysicFilePath: true },
  });
  return messages.map(({ loc, messageId, data }) => {
    const { PATTERN_NAME: kind = messageId } = (data ?? {}) as { PATTERN_NAME?: string };
    return { line: loc.start.line, kind };
  });
}
