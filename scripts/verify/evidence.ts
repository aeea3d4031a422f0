import { type KeyObject, createPublicKey } from "node:crypto";
import { parseArgs } from "node:util";
import type { JWK } from "jose";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import { type EvidenceFinding, compareWithLog, verifyEvidence } from "../../shared/evidence/verifyEvidence.ts";
import { logEntry } from "../../shared/log/auditView.ts";
import { hashFile } from "../../shared/media/hash.ts";
import { keyObject, thumbprint } from "../../shared/protection/signature.ts";
import { refuseAmbiguity } from "../../shared/triggers/jsonText.ts";
import { LogFile, Unusable, readJson, readText, whyNot } from "./inputs.ts";

const usage = `Checks the evidence of a video, offline.

  npm run verify-evidence -- FILE --key KEY [--original PATH] [--video PATH] [--log LOG.json]

  FILE        the answer of GET /v1/surveys/{surveyId}/videos/{videoId}/evidence, as it is
  --key       the key to believe: its thumbprint (SHA-256, hex), or a file with it as PEM or JWK; may be given more than once
  --original  the file that is said to be what the device sent
  --video     the file that is said to be what reviewers are shown
  --log       the tenant's log, as npm run verify-log saves it

Exit code 0: it is as it was signed by that key, 1: it is not, 2: cannot tell.
How to get the key from the vault, and what evidence proves: docs/evidence.md.`;

type Print = (line: string) => void;

/** Does what the arguments ask for; gives the exit code. Throws {@link Unusable} for what it cannot use. */
export async function verifyEvidenceFile(args: readonly string[], print: Print): Promise<number> {
  const asked = options(args);
  if (asked === undefined) {
    print(usage);
    return 0;
  }
  const believed = (await Promise.all(asked.keys.map(thumbprints))).flat();
  const text = await readText(asked.file);
  const { evidence, findings } = parsed(text);
  if (evidence === undefined) return judged(findings, print);
  tell(evidence, print);
  const found = [
    ...findings,
    ...keyFindings(evidence, believed, print),
    ...(await fileFindings(asked.original, evidence.manifest.original, "original", print)),
    ...(await fileFindings(asked.video, evidence.manifest.outputs.video, "outputs/video", print)),
    ...(asked.log === undefined ? [] : await logFindings(asked.log, evidence, print)),
  ];
  if (found.length > 0 || believed.length > 0) return judged(found, print);
  print("! The key is only the one in the file: whoever made the file may have made the key. Give --key.");
  print("Nothing speaks against it, and nothing vouches for it.");
  return 2;
}

function judged(findings: readonly EvidenceFinding[], print: Print): number {
  for (const { field, message } of findings) print(`✗ ${field === "" ? "the file" : field} ${message}`);
  print(findings.length > 0 ? "The evidence is NOT valid." : "The evidence is valid.");
  return findings.length > 0 ? 1 : 0;
}

/** What is asked for; undefined where it is help. */
function options(args: readonly string[]) {
  const { values, positionals } = parsedArguments(args);
  if (values.help) return undefined;
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new Unusable(usage);
  const { key: keys = [], original, video, log } = values;
  return { file, keys, original, video, log };
}

function parsedArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        key: { type: "string", multiple: true },
        original: { type: "string" },
        video: { type: "string" },
        log: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new Unusable(`${(error as Error).message}\n\n${usage}`);
  }
}

/** The thumbprints that are believed: as given, or of the keys in a file. */
async function thumbprints(given: string): Promise<string[]> {
  const hex = given.replaceAll(":", "").toLowerCase();
  if (/^[0-9a-f]{64}$/u.test(hex)) return [hex];
  const text = await readText(given);
  try {
    return keysIn(text).map(thumbprint);
  } catch (error) {
    throw new Unusable(`${given} is neither a thumbprint nor a file with a public key: ${(error as Error).message}`);
  }
}

function keysIn(text: string): KeyObject[] {
  if (!text.trimStart().startsWith("{")) return [createPublicKey(text)];
  const value = JSON.parse(text) as JWK | { readonly keys: readonly JWK[] };
  const keys = "keys" in value ? value.keys : [value];
  return keys.map((key) => createPublicKey({ key: { ...key }, format: "jwk" }));
}

/** What parsers could understand differently is no evidence. */
function parsed(text: string): ReturnType<typeof verifyEvidence> {
  let value: unknown;
  try {
    value = JSON.parse(text);
    refuseAmbiguity(text);
  } catch (error) {
    return { findings: [{ field: "", message: `cannot be read as it was written: ${whyNot(error)}` }] };
  }
  return verifyEvidence(value);
}

function tell({ manifest }: Evidence, print: Print): void {
  const { tenantId, surveyId, videoId, original, times, custody, consent } = manifest;
  print(`Evidence of ${videoId}, of survey ${surveyId}, of tenant ${tenantId}`);
  print(`  original  ${original.size} bytes, SHA-256 ${original.sha256}`);
  print(`  upload    begun ${times.started}, completed ${times.completed}, processed ${times.processed}`);
  if (consent !== undefined)
    print(`  consent   ${consent.accepted ? "given" : "withdrawn"} ${consent.at}, to version ${consent.version}`);
  for (const { at, what, by, log } of custody)
    print(`  ${at}  ${what} by ${by.type} ${by.id}${log === undefined ? "" : `, log entry ${log.sequence}`}`);
}

function keyFindings({ key, kid }: Evidence, believed: readonly string[], print: Print): EvidenceFinding[] {
  let own: string;
  try {
    own = thumbprint(keyObject(key));
  } catch {
    // Said already.
    return [];
  }
  print(`  signed    by ${kid}, thumbprint ${own}`);
  return believed.length === 0 || believed.includes(own)
    ? []
    : [{ field: "/key", message: "is not the one to be believed" }];
}

async function fileFindings(
  path: string | undefined,
  signed: { readonly size: number; readonly sha256: string },
  field: string,
  print: Print,
): Promise<EvidenceFinding[]> {
  if (path === undefined) return [];
  const { size, sha256 } = await hashFile(path).catch((error: unknown) => {
    throw new Unusable(`${path} cannot be read: ${(error as Error).message}`);
  });
  if (size === signed.size && sha256 === signed.sha256) {
    print(`✓ ${path} is the file that /manifest/${field} names`);
    return [];
  }
  return [{ field: `/manifest/${field}`, message: `is not ${path}: that has ${size} bytes and SHA-256 ${sha256}` }];
}

async function logFindings(file: string, evidence: Evidence, print: Print): Promise<EvidenceFinding[]> {
  const log = (await readJson(file, LogFile)) as LogFile;
  if (log.tenantId !== evidence.manifest.tenantId)
    return [{ field: "/manifest/tenantId", message: `is not the tenant of ${file}` }];
  const { findings, sealedVideos } = compareWithLog(evidence, log.entries.map(logEntry));
  print(`  log       sealed and not deleted of this survey: ${sealedVideos.join(", ")}`);
  if (findings.length === 0) print(`✓ ${file} tells the same (npm run verify-log tells whether it is whole)`);
  return [...findings];
}
