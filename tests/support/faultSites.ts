import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import ts from "typescript";
import type { Plugin } from "vitest/config";

/**
 * Every `await` of the files named here is a place where a process can die and an answer can be lost. Under test each one
 * becomes a call of `faultSite`, which does nothing unless a test plans a fault.
 */
export const faultFiles = [
  "shared/tenancy/change.ts",
  "shared/tenancy/lease.ts",
  "shared/videos/completeUpload.ts",
  "shared/videos/endWork.ts",
  "shared/videos/manifest.ts",
  "shared/videos/prepareVideo.ts",
  "shared/videos/processVideo.ts",
  "shared/videos/workLease.ts",
  "shared/videos/recordOutcome.ts",
  "shared/videos/videoOf.ts",
  "shared/videos/workFolder.ts",
] as const;

/** The same for the evidence of ready videos. */
export const evidenceFaultFiles = [
  "shared/evidence/composeManifest.ts",
  "shared/evidence/evidenceStore.ts",
  "shared/evidence/sealEvidence.ts",
] as const;

/** The same for the analysis that follows `ready`. */
export const analysisFaultFiles = [
  "shared/videos/analyseVideo.ts",
  "shared/videos/examineVideo.ts",
  "shared/videos/recordAnalysed.ts",
] as const;

/** The same for the log and what follows from it. */
export const logFaultFiles = [
  "shared/log/appendLog.ts",
  "shared/tenancy/log.ts",
  "shared/webhooks/deliverWebhook.ts",
] as const;

/** The same for the malware gate. */
export const gateFaultFiles = [
  "shared/videos/malwareGate.ts",
  "shared/videos/quarantine.ts",
  "shared/videos/quarantineReady.ts",
  "shared/videos/recordScan.ts",
  "shared/videos/recordUnmade.ts",
  "shared/videos/scanResult.ts",
] as const;

/** The same for the rotation of secrets. */
export const secretFaultFiles = ["shared/protection/rotateSecrets.ts"] as const;

const allFaultFiles = [
  ...faultFiles,
  ...evidenceFaultFiles,
  ...analysisFaultFiles,
  ...logFaultFiles,
  ...gateFaultFiles,
  ...secretFaultFiles,
] as const;
export type FaultFile = (typeof allFaultFiles)[number];

const root = join(import.meta.dirname, "..", "..");
const hook = join(import.meta.dirname, "faultHook.ts");

/** For vitest.config.ts: instruments {@link faultFiles} as they are loaded into a test. */
export function faultSites(): Plugin {
  return {
    name: "fault-sites",
    enforce: "pre",
    transform(code, id) {
      const file = relative(root, id.split("?", 1)[0] ?? id);
      return isFaultFile(file) ? { code: instrumented(file, code), map: null } : undefined;
    },
  };
}

/** The sites of a file, `<file>:<line>:<column>`, as they stand in its source. */
export function sitesOf(file: FaultFile): string[] {
  return awaitsIn(file, readFileSync(join(root, file), "utf8")).map(({ site }) => site);
}

function isFaultFile(file: string): file is FaultFile {
  return (allFaultFiles as readonly string[]).includes(file);
}

interface Await {
  readonly site: string;
  /** Of the awaited expression. */
  readonly start: number;
  readonly end: number;
}

function awaitsIn(file: string, code: string): Await[] {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true);
  const found: Await[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isAwaitExpression(node)) {
      const { line, character } = source.getLineAndCharacterOfPosition(node.getStart());
      const start = node.expression.getStart();
      found.push({ site: `${file}:${line + 1}:${character + 1}`, start, end: node.expression.end });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Lines stay where they are, so that stack traces need no map. */
function instrumented(file: string, code: string): string {
  const insertions = awaitsIn(file, code).flatMap(({ site, start, end }, order) => [
    { at: start, order, text: `__faultSite(${JSON.stringify(site)}, async () => (` },
    // Of awaits that end at the same place the inner one, which was found later, is closed first.
    { at: end, order: -order, text: "))" },
  ]);
  insertions.sort((one, other) => one.at - other.at || one.order - other.order);
  let at = 0;
  let made = `import { faultSite as __faultSite } from ${JSON.stringify(hook)}; `;
  for (const insertion of insertions) {
    made += code.slice(at, insertion.at) + insertion.text;
    at = insertion.at;
  }
  return made + code.slice(at);
}
