import type { LintRun } from "./finding.ts";

/**
 * The run as a SARIF 2.1.0 log (OASIS standard, https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which CodeQL's tools,
 * Azure DevOps and editors read. A run without findings is a whole log, too.
 */
export function sarifLog({ version, started, ended, findings, rules }: LintRun): object {
  const ids = [...new Set(findings.map(({ rule }) => rule))].toSorted();
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "ESLint",
            version,
            informationUri: "https://eslint.org",
            rules: ids.map((id) => ({
              id,
              shortDescription: { text: rules[id]?.description ?? id },
              ...(rules[id]?.url !== undefined && { helpUri: rules[id].url }),
            })),
          },
        },
        columnKind: "utf16CodeUnits",
        invocations: [
          { executionSuccessful: true, startTimeUtc: started.toISOString(), endTimeUtc: ended.toISOString() },
        ],
        results: findings.map((finding) => ({
          ruleId: finding.rule,
          ruleIndex: ids.indexOf(finding.rule),
          level: finding.error ? "error" : "warning",
          message: { text: finding.message },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: encodeURI(finding.file), uriBaseId: "%SRCROOT%" },
                region: {
                  startLine: finding.line,
                  startColumn: finding.column,
                  endLine: finding.endLine,
                  endColumn: finding.endColumn,
                },
              },
            },
          ],
        })),
      },
    ],
  };
}
