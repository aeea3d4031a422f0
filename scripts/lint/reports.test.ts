import { Ajv } from "ajv";
import { ESLint } from "eslint";
import { beforeAll, describe, expect, test } from "vitest";
import { type LintRun, findingsOf } from "./finding.ts";
import { sarifLog } from "./sarif.ts";
import { sastReport } from "./sastReport.ts";

const text = { type: "string", minLength: 1 };
const position = { type: "integer", minimum: 1 };
const list = (items: object, more: object = {}) => ({ type: "array", items, ...more });
const object = (required: string[], properties: object) => ({ type: "object", required, properties });
const httpAddress = { type: "string", pattern: "^https?://" };

/** What SARIF 2.1.0 asks of what we write; the numbers are the standard's sections. */
const sarifRules = object(["version", "runs"], {
  version: { const: "2.1.0" }, // 3.13.2
  $schema: httpAddress, // 3.13.3
  runs: list(
    object(["tool", "results"], {
      tool: object(["driver"], {
        driver: object(["name"], {
          name: text, // 3.19.8
          version: text,
          informationUri: httpAddress,
          rules: list(
            object(["id"], { id: text, shortDescription: object(["text"], { text }), helpUri: httpAddress }),
            {
              uniqueItems: true, // 3.19.23
            },
          ),
        }),
      }),
      columnKind: { enum: ["utf16CodeUnits", "unicodeCodePoints"] }, // 3.14.17
      invocations: list(
        object(["executionSuccessful"], {
          executionSuccessful: { type: "boolean" }, // 3.20.14
          startTimeUtc: { type: "string", pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$` }, // 3.9
          endTimeUtc: { type: "string", pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$` },
        }),
      ),
      results: list(
        object(["message", "ruleId", "ruleIndex", "locations"], {
          message: object(["text"], { text }), // 3.27.11
          ruleId: text,
          ruleIndex: { type: "integer", minimum: 0 },
          level: { enum: ["none", "note", "warning", "error"] }, // 3.27.10
          locations: list(
            object(["physicalLocation"], {
              physicalLocation: object(["artifactLocation", "region"], {
                // 3.4.3: a relative URI reference
                artifactLocation: object(["uri"], { uri: { type: "string", pattern: String.raw`^[^\s\\:]+$` } }),
                region: object(["startLine"], {
                  startLine: position, // 3.30.5
                  startColumn: position,
                  endLine: position,
                  endColumn: position,
                }),
              }),
            }),
          ),
        }),
      ),
    }),
    { minItems: 1 },
  ),
});

/**
 * What GitLab asks of a SAST report, model 15: its schema (security-report-schemas, dist/sast-report-format.json) is not
 * ours to keep here, so its constraints on the members that we write are said again.
 */
const tool = object(["id", "name", "version", "vendor"], {
  id: text,
  name: text,
  url: httpAddress,
  version: text,
  vendor: object(["name"], { name: text }),
});
const seconds = { type: "string", pattern: String.raw`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$` };
const sastRules = object(["scan", "version", "vulnerabilities"], {
  version: { type: "string", pattern: String.raw`^15\.\d+\.\d+$` },
  schema: { type: "string", pattern: "^https?://.+" },
  scan: object(["analyzer", "end_time", "scanner", "start_time", "status", "type"], {
    analyzer: tool,
    scanner: tool,
    start_time: seconds,
    end_time: seconds,
    status: { enum: ["success", "failure"] },
    type: { const: "sast" },
  }),
  vulnerabilities: list(
    object(["id", "identifiers", "location"], {
      id: text,
      name: { type: "string", maxLength: 255 },
      description: { type: "string", maxLength: 1_048_576 },
      severity: { enum: ["Info", "Unknown", "Low", "Medium", "High", "Critical"] },
      identifiers: list(object(["type", "name", "value"], { type: text, name: text, value: text, url: httpAddress }), {
        minItems: 1,
      }),
      location: object(["file"], { file: text, start_line: position, end_line: position }),
    }),
  ),
});

const ajv = new Ajv({ allErrors: true, strict: true });
const problems = (rules: object, report: object) => {
  ajv.validate(rules, report);
  return ajv.errors ?? [];
};

const times = {
  version: "10.0.0",
  started: new Date("2026-01-02T03:04:05.678Z"),
  ended: new Date("2026-01-02T03:04:09Z"),
};
const empty: LintRun = { ...times, findings: [], rules: {} };

/** A real run over code with a hole, a mistake and a file that is no code. */
async function realRun(): Promise<LintRun> {
  const eslint = new ESLint({ overrideConfigFile: "eslint.config.js" });
  const results = [
    ...(await eslint.lintText("eval(globalThis.name);\neval(globalThis.name);\n", { filePath: "planted.js" })),
    ...(await eslint.lintText("const = ;\n", { filePath: "broken.js" })),
  ];
  const rules = Object.entries(eslint.getRulesMetaForResults(results));
  return {
    ...times,
    findings: findingsOf(results, process.cwd()),
    rules: Object.fromEntries(rules.map(([id, { docs }]) => [id, { description: docs?.description, url: docs?.url }])),
  };
}

describe("the reports of ESLint", () => {
  let run: LintRun;
  beforeAll(async () => {
    run = await realRun();
  });

  test("are whole without a finding and name the scanner", () => {
    expect(problems(sarifRules, sarifLog(empty))).toEqual([]);
    expect(problems(sastRules, sastReport(empty))).toEqual([]);
    expect(sarifLog(empty)).toMatchObject({ runs: [{ tool: { driver: { name: "ESLint", rules: [] } }, results: [] }] });
    expect(sastReport(empty)).toMatchObject({
      scan: { scanner: { id: "eslint", version: "10.0.0" }, start_time: "2026-01-02T03:04:05" },
      vulnerabilities: [],
    });
  });

  test("say where a planted hole and a file that is no code are", () => {
    const sarif = sarifLog(run);
    const sast = sastReport(run);
    expect(problems(sarifRules, sarif)).toEqual([]);
    expect(problems(sastRules, sast)).toEqual([]);
    const { runs } = sarif as {
      runs: [{ results: { ruleId: string }[]; tool: { driver: { rules: { id: string }[] } } }];
    };
    const ids = new Set(runs[0].results.map(({ ruleId }) => ruleId));
    expect(ids).toContain("security/detect-eval-with-expression");
    expect(ids).toContain("parse-error");
    expect(new Set(runs[0].tool.driver.rules.map(({ id }) => id))).toEqual(ids);
    expect(sast).toMatchObject({
      vulnerabilities: expect.arrayContaining([
        expect.objectContaining({
          name: "security/detect-eval-with-expression",
          severity: "High",
          location: { file: "planted.js", start_line: 1, end_line: 1 },
        }),
      ]) as unknown,
    });
  });

  test("give each finding an id of its own, the same in every run", () => {
    const idsOf = (told: LintRun) =>
      (sastReport(told) as { vulnerabilities: { id: string }[] }).vulnerabilities.map(({ id }) => id);
    expect(new Set(idsOf(run)).size).toBe(run.findings.length);
    const moved = run.findings.map((finding) => ({ ...finding, line: finding.line + 5, endLine: finding.endLine + 5 }));
    expect(idsOf({ ...run, findings: moved })).toEqual(idsOf(run));
  });

  test("are refused by their rules when something is missing", () => {
    expect(problems(sarifRules, { ...sarifLog(empty), version: "2.0.0" })).not.toEqual([]);
    expect(problems(sastRules, { ...sastReport(empty), scan: {} })).not.toEqual([]);
  });
});
