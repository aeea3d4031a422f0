import { verifyEvidenceFile } from "./verify/evidence.ts";
import { Unusable } from "./verify/inputs.ts";

try {
  process.exitCode = await verifyEvidenceFile(process.argv.slice(2), console.log);
} catch (error) {
  if (!(error instanceof Unusable)) throw error;
  console.error(`verify-evidence: ${error.message}`);
  process.exitCode = 2;
}
