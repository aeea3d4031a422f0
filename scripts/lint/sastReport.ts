import { createHash } from "node:crypto";
import type { Finding, LintRun } from "./finding.ts";

/** GitLab reads reports of every 15.2.x: model and revision count, additions do not. */
const schemaVersion = "15.2.4";

/**
 * The run as GitLab's SAST report, which merge requests show
 * (https://gitlab.com/gitlab-org/security-products/security-report-schemas, dist/sast-report-format.json).
 */
export function sastReport({ version, started, ended, findings, rules }: LintRun): object {
  const tool = {
    id: "eslint",
    name: "ESLint",
    url: "https://eslint.org",
    version,
    vendor: { name: "OpenJS Foundation" },
  };
  return {
    version: schemaVersion,
    schema: `https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/v${schemaVersion}/dist/sast-report-format.json`,
    scan: {
      type: "sast",
      status: "success",
      start_time: utcSeconds(started),
      end_time: utcSeconds(ended),
      analyzer: tool,
      scanner: tool,
    },
    vulnerabilities: identified(findings).map(([id, finding]) => ({
      id,
      name: finding.rule.slice(0, 255),
      description: finding.message,
      severity: severityOf(finding),
      identifiers: [
        {
          type: "eslint_rule_id",
          name: `ESLint rule ${finding.rule}`,
          value: finding.rule,
          ...(rules[finding.rule]?.url !== undefined && { url: rules[finding.rule]?.url }),
        },
      ],
      location: { file: finding.file, start_line: finding.line, end_line: finding.endLine },
    })),
  };
}

/** The same finding has the same id in every run, wherever it moves within its file; repeats in a file are counted. */
function identified(findings: readonly Finding[]): (readonly [id: string, finding: Finding])[] {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const key = JSON.stringify([finding.rule, finding.file, finding.message]);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    return [createHash("sha256").update(`${key}${count}`).digest("hex"), finding];
  });
}

/** Sets that look for holes, as against those that look for mistakes. */
const securitySets = /^(?:security|redos|no-unsanitized)\//u;

function severityOf({ rule }: Finding): "High" | "Medium" {
  return securitySets.test(rule) ? "High" : "Medium";
}

/** GitLab's times have no fraction and no zone; they are UTC. */
function utcSeconds(time: Date): string {
  return time.toISOString().slice(0, 19);
}
