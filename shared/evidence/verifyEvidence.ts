import { keyObject, type PublicKey } from "../protection/signature.ts";
import { type LogEntry, entryHash } from "../tenancy/logEntry.ts";
import { fault } from "../validator.ts";
import { Evidence, evidenceKeyName, isEvidenceBy } from "./evidence.ts";
import { type Manifest, custodyBreak, manifestHash } from "./manifest.ts";

/** Something that is not as it was signed; `field` is a JSON pointer (RFC 6901) into the file. */
export interface EvidenceFinding {
  readonly field: string;
  readonly message: string;
}

/** What the signature of a smaller key is worth is not for us to say. */
const leastBits = 2048;

/**
 * Checks evidence by itself: its form, its key's signature, and that it does not contradict itself. Whose the key is, it
 * cannot say. Asks nobody.
 */
export function verifyEvidence(value: unknown): {
  readonly evidence?: Evidence;
  readonly findings: readonly EvidenceFinding[];
} {
  const wrong = fault(Evidence, value);
  if (wrong !== undefined)
    return { findings: [versionFinding(value) ?? { field: wrong.pointer, message: wrong.message }] };
  const evidence = value as Evidence;
  return { evidence, findings: [...signatureFindings(evidence), ...contradictions(evidence.manifest)] };
}

function versionFinding(value: unknown): EvidenceFinding | undefined {
  const { manifest } = (value ?? {}) as { readonly manifest?: { readonly v?: unknown } | null };
  const v = manifest?.v;
  if (v === 1 || !Number.isInteger(v)) return undefined;
  return {
    field: "/manifest/v",
    message: `is version ${String(v)} of a manifest, and this verifier knows version 1 only`,
  };
}

function signatureFindings(evidence: Evidence): EvidenceFinding[] {
  const { kid, key } = evidence;
  if (!kid.startsWith(`${evidenceKeyName}/`))
    return [{ field: "/kid", message: `names a key that is not for evidence: ${kid}` }];
  if (key.kid !== kid) return [{ field: "/key/kid", message: "is not the key that the signature names" }];
  const weakness = keyFinding(key);
  if (weakness !== undefined) return [weakness];
  return isEvidenceBy(key, evidence)
    ? []
    : [{ field: "/signature", message: "is not this key's of this manifest: the one or the other was changed" }];
}

function keyFinding(key: PublicKey): EvidenceFinding | undefined {
  try {
    const object = keyObject(key);
    const { n, e } = object.export({ format: "jwk" });
    if (n !== key.n || e !== key.e) return { field: "/key", message: "is not written as keys are" };
    const bits = object.asymmetricKeyDetails?.modulusLength ?? 0;
    return bits < leastBits
      ? { field: "/key/n", message: `has ${bits} bits, at least ${leastBits} are needed` }
      : undefined;
  } catch {
    return { field: "/key", message: "is no RSA key" };
  }
}

/** What a true manifest never says, whoever signed it. */
function contradictions({ declared, received, original, custody }: Manifest): EvidenceFinding[] {
  const { blocks, blockCount } = received;
  const sum = blocks?.reduce((bytes, { size }) => bytes + size, 0) ?? 0;
  const place = custodyBreak(custody);
  const checks: readonly (readonly [boolean, string, string])[] = [
    [received.size === declared.size, "received/size", "is not the declared size"],
    [original.size === received.size, "original/size", "is not the size that was received"],
    [(declared.sha256 ?? original.sha256) === original.sha256, "original/sha256", "is not the declared one"],
    [(blocks?.length ?? blockCount) === blockCount, "received/blockCount", "is not the number of the blocks"],
    [sum === 0 || sum === received.size, "received/blocks", "do not add up to the size that was received"],
    [place === undefined, `custody/${place ?? 0}/previous`, "does not follow the entry before"],
    [custody.at(-1)?.what === "sealed", "custody", "does not end with the seal"],
  ];
  return checks.flatMap(([holds, field, message]) => (holds ? [] : [{ field: `/manifest/${field}`, message }]));
}

/** What a tenant's log says about evidence. */
export interface LogVerdict {
  readonly findings: readonly EvidenceFinding[];
  /** Videos of the survey that were sealed and not deleted since, the evidence's own included. */
  readonly sealedVideos: readonly string[];
}

/**
 * Compares evidence with its tenant's log, in any order: each entry that the custody names stands there, and the log names
 * the manifest by its hash. Whether the log itself is whole, `verifyLog` tells.
 */
export function compareWithLog({ manifest }: Evidence, log: readonly LogEntry[]): LogVerdict {
  const { surveyId, videoId } = manifest;
  const entries = new Map(log.map((entry) => [entry.seq, entry]));
  const findings = manifest.custody.flatMap((link, at): EvidenceFinding[] => {
    if (link.log === undefined) return [];
    const { sequence, hash } = link.log;
    const entry = entries.get(sequence);
    return entry?.hash === hash && tells(entry, link, videoId)
      ? []
      : [{ field: `/manifest/custody/${at}/log`, message: `names another entry ${sequence} than the log has` }];
  });
  const events = log.filter(({ data }) => data["surveyId"] === surveyId);
  const sealed = events.filter(({ type }) => type === "video.sealed");
  const own = sealed.find(({ data }) => data["videoId"] === videoId);
  if (own?.data["manifestHash"] !== manifestHash(manifest))
    findings.push({ field: "/manifest", message: "is not the one that the log says was sealed" });
  const deleted = new Set(events.filter(({ type }) => type === "video.deleted").map(({ data }) => data["videoId"]));
  const sealedVideos = sealed.map(({ data }) => data["videoId"]).filter((id) => !deleted.has(id));
  return { findings, sealedVideos: sealedVideos.map(String) };
}

function tells({ hash, ...entry }: LogEntry, link: Manifest["custody"][number], videoId: string): boolean {
  const { what, at, by } = link;
  const same = (entry.type ?? entry.action) === what && entry.occurredAt === at && entry.target === videoId;
  return same && entry.actor.id === by.id && entryHash(entry) === hash;
}
