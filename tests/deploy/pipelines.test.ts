import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pipelineFile, pipelineFiles, shellParts } from "../../scripts/pipelines/yaml.ts";

const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };

describe("GitLab's pipeline", () => {
  interface Job {
    readonly stage: string;
    readonly script: readonly string[];
    readonly artifacts?: { readonly paths?: readonly string[]; readonly reports?: Readonly<Record<string, string>> };
  }
  const {
    default: common,
    variables,
    workflow,
    stages,
    ...jobs
  } = pipelineFile(".gitlab-ci.yml") as {
    default: { image: string; cache: { paths: readonly string[] } };
    variables: unknown;
    workflow: { rules: readonly { if: string }[] };
    stages: readonly string[];
  } & Record<string, Job>;

  test("runs for merge requests and protected main alone, on one image by its version", () => {
    expect(workflow.rules.map((rule) => rule.if)).toEqual([
      '$CI_PIPELINE_SOURCE == "merge_request_event"',
      '$CI_COMMIT_BRANCH == "main"',
    ]);
    expect(common.image).toMatch(/^node:\d+\.\d+\.\d+-/u);
    expect(variables).toBeDefined();
  });

  test("leaves nothing in the checkout that git sees: a package is made of a commit and nothing else", () => {
    const left = [...common.cache.paths, ...Object.values(jobs).flatMap(({ artifacts }) => artifacts?.paths ?? [])];
    expect(left.length).toBeGreaterThan(1);
    const ignored = (path: string) => spawnSync("git", ["check-ignore", "--quiet", "--no-index", path]).status === 0;
    expect(left.filter((path) => !ignored(path))).toEqual([]);
  });

  test("checks, tests, certifies and packs, in stages that there are, and no job may fail", () => {
    const all = Object.values(jobs);
    expect(Object.keys(jobs)).toEqual(["check", "infrastructure", "test", "certify", "package"]);
    expect(all.filter(({ stage }) => !stages.includes(stage))).toEqual([]);
    expect(JSON.stringify(jobs)).not.toContain("allow_failure");
  });

  test("hands static analysis, bill of materials and tests to GitLab", () => {
    expect(jobs["check"]?.artifacts?.reports).toEqual({
      sast: "reports/gl-sast-report.json",
      cyclonedx: "reports/sbom.cdx.json",
    });
    expect(jobs["test"]?.artifacts?.reports).toEqual({ junit: "reports/tests.xml" });
  });

  test("keeps the package where a deployment fetches it", () => {
    const source = readFileSync("scripts/deploy/source.ts", "utf8");
    for (const file of jobs["package"]?.artifacts?.paths ?? [])
      expect(source).toContain(`"${file.slice("package/".length)}"`);
    expect(source).toContain('name === "package"');
  });
});

describe("Azure's pipeline", () => {
  interface Stage {
    readonly stage: string;
    readonly dependsOn?: string;
    readonly jobs: readonly {
      template?: string;
      timeoutInMinutes?: number;
      parameters?: { environment: string; pool: Record<string, string> };
    }[];
  }
  const pipeline = pipelineFile("azure-pipelines.yml") as {
    trigger: unknown;
    pr: string;
    stages: readonly Stage[];
  };
  const environments = pipeline.stages.slice(1);

  test("runs for main alone, and never for a proposal", () => {
    expect([pipeline.trigger, pipeline.pr]).toEqual([{ branches: { include: ["main"] } }, "none"]);
  });

  test("goes from the package to sandbox, staging and production, each after the one before", () => {
    expect(pipeline.stages.map(({ stage, dependsOn }) => [stage, dependsOn])).toEqual([
      ["fetch", undefined],
      ["sandbox", "fetch"],
      ["staging", "sandbox"],
      ["production", "staging"],
    ]);
    expect(JSON.stringify(pipeline)).not.toContain("condition");
  });

  test("waits for GitLab's pipeline, which begins when this one does, and has the time to", () => {
    const [fetch] = pipeline.stages;
    const text = readFileSync("azure-pipelines.yml", "utf8");
    const seconds = Number(/name: patienceForGitLab\n {4}value: (?<seconds>\d+)/u.exec(text)?.groups?.["seconds"]);
    expect(text).toContain('--patience "$(patienceForGitLab)"');
    expect(seconds).toBeGreaterThanOrEqual(3_600);
    expect(fetch?.jobs[0]?.timeoutInMinutes).toBeGreaterThan(seconds / 60);
  });

  test("every environment is deployed by the same steps, in its own environment and with its own connection", () => {
    for (const { stage, jobs } of environments)
      expect(jobs).toEqual([
        { template: ".azure/deploy.yml", parameters: { environment: stage, pool: expect.any(Object) as unknown } },
      ]);
    const [job, ...others] = (pipelineFile(".azure/deploy.yml") as { jobs: readonly Record<string, unknown>[] }).jobs;
    expect(others).toEqual([]);
    expect(job).toMatchObject({
      deployment: "${{ parameters.environment }}",
      environment: "callpilot-${{ parameters.environment }}",
    });
    expect(JSON.stringify(job)).toContain('"azureSubscription":"callpilot-${{ parameters.environment }}"');
  });

  test("the infrastructure comes before the code, staging before the swap, and events after both", () => {
    const text = readFileSync(".azure/deploy.yml", "utf8");
    expect(text).toContain("split('infrastructure,stage,swap,infrastructure', ',')");
  });

  test("production is deployed from inside of its network", () => {
    expect(environments.map(({ jobs }) => Object.keys(jobs[0]?.parameters?.pool ?? {}))).toEqual([
      ["vmImage"],
      ["vmImage"],
      ["name"],
    ]);
  });

  test("templates that are named are there", () => {
    const named = pipelineFiles.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/template: (?<file>\S+)/gu)].map(([, template = ""]) =>
        template.startsWith(".azure/") ? template : `.azure/${template}`,
      ),
    );
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
  });
});

describe("the pipeline of sandbox copies", () => {
  interface Half {
    readonly half: string;
    readonly environment: string;
    readonly from: string;
    readonly to: string;
    readonly pool: Readonly<Record<string, string>>;
  }
  const copies = pipelineFile(".azure/sandbox-copy.yml") as {
    trigger: string;
    pr: string;
    schedules?: unknown;
    variables: readonly { name?: string; value?: string }[];
    stages: readonly {
      stage: string;
      dependsOn?: string;
      jobs: readonly { template: string; parameters: Half }[];
    }[];
  };
  const [job, ...others] = (pipelineFile(".azure/copy.yml") as { jobs: readonly Record<string, unknown>[] }).jobs;

  test("is started by hand, and by no release", () => {
    expect([copies.trigger, copies.pr, copies.schedules]).toEqual(["none", "none", undefined]);
    expect(readFileSync("azure-pipelines.yml", "utf8")).not.toContain("copy");
  });

  test("has two halves, the second after the first, each of one job", () => {
    expect(copies.stages.map(({ stage, dependsOn }) => [stage, dependsOn])).toEqual([
      ["export", undefined],
      ["import", "export"],
    ]);
    const halves = copies.stages.map(({ jobs }) => jobs.map(({ template, parameters }) => [template, parameters]));
    expect(halves).toMatchObject([
      [["copy.yml", { half: "export", environment: "production", from: "production", to: "$(drop)" }]],
      [["copy.yml", { half: "import", environment: "sandbox", from: "$(drop)", to: "sandbox" }]],
    ]);
    expect(others).toEqual([]);
  });

  test("no job of it uses the connections of both halves", () => {
    const used = [...JSON.stringify(job).matchAll(/"azureSubscription":"(?<name>[^"]+)"/gu)].map(([, name]) => name);
    expect(used).toEqual(["callpilot-${{ parameters.environment }}", "callpilot-sandbox-${{ parameters.half }}"]);
  });

  test("reads production from inside of its network, never on a machine of everybody's", () => {
    const [pool, imported] = copies.stages.map(({ jobs }) => jobs[0]?.parameters.pool);
    expect(pool).toEqual({ name: "${{ variables.exportPool }}" });
    expect(copies.variables).toContainEqual({ name: "exportPool", value: "callpilot-production" });
    expect(imported).toEqual({ vmImage: "ubuntu-24.04" });
    expect(job).toMatchObject({ pool: "${{ parameters.pool }}" });
  });

  test("asks for an approval before either half: each is a deployment to an environment of its own", () => {
    expect(job).toMatchObject({
      deployment: "${{ parameters.half }}",
      environment: "callpilot-sandbox-${{ parameters.half }}",
    });
    const guide = readFileSync("docs/operations/first-deployment.md", "utf8");
    for (const { stage } of copies.stages) expect(guide).toContain(`\`callpilot-sandbox-${stage}\``);
  });

  test("gives what somebody typed to the shell as values, not as text of a command", () => {
    const parts = shellParts().filter(({ file }) => file === ".azure/copy.yml");
    expect(parts.length).toBeGreaterThan(0);
    expect(parts.filter(({ text }) => /pair|tenants/u.test(text))).toEqual([]);
  });
});

describe("azd's trial", () => {
  const trial = pipelineFile("azure.yaml") as {
    infra: { path: string; module: string };
    workflows: { up: { steps: readonly object[] } };
    hooks: Record<string, { shell: string; run: string }>;
  };

  test("has azd make the resource group, and no code deployed but by the project's own steps", () => {
    expect(Object.keys(trial)).toEqual(["name", "infra", "workflows", "hooks"]);
    expect(trial.workflows.up.steps).toEqual([{ azd: "provision" }]);
    const { path, module } = trial.infra;
    expect(existsSync(`${path}/${module}.bicepparam`)).toBe(true);
    expect(readFileSync(`${path}/${module}.bicep`, "utf8")).toContain("output AZURE_RESOURCE_GROUP string");
  });

  test("goes through the steps of a first deployment, and stops at the first that fails", () => {
    expect(Object.keys(trial.hooks)).toEqual(["preprovision", "postprovision"]);
    for (const { shell, run } of Object.values(trial.hooks))
      expect([shell, run]).toEqual(["sh", expect.stringMatching(/^set -eu\n/u)]);
    const steps = [...(trial.hooks["postprovision"]?.run ?? "").matchAll(/npm run deploy -- (?<step>\w+)/gu)];
    expect(steps.map(([, step]) => step)).toEqual(["infrastructure", "permit", "stage", "swap", "infrastructure"]);
  });
});

test("every command of a pipeline is a script of the project, and its steps are those that it has", () => {
  const steps = [...readFileSync("scripts/deploy.ts", "utf8").matchAll(/case "(?<step>\w+)":/gu)].map(
    ([, step]) => step,
  );
  for (const { file, text } of shellParts())
    for (const line of text.split("\n").filter((each) => each.startsWith("npm ") && each !== "npm ci")) {
      const [, verb = "", ...rest] = line.split(" ");
      const [script = "", , step = ""] = verb === "run" ? rest : [verb, ...rest];
      expect(Object.keys(scripts), `${file}: ${line}`).toContain(script);
      if (script === "deploy" && !step.startsWith("${{")) expect(steps, line).toContain(step);
    }
});

test("no pipeline holds anything secret", () => {
  for (const file of pipelineFiles) {
    const text = readFileSync(file, "utf8");
    expect(text).not.toMatch(/(?:AccountKey|SharedAccessSignature|Password|PRIVATE KEY|glpat-|client_?secret)/iu);
    // What is called a token or key is taken from a variable.
    const named = text.split("\n").filter((line) => /TOKEN|KEY|SECRET/u.test(line) && line.includes(": "));
    for (const line of named) expect(line.split(": ")[1]).toMatch(/^\$\(\w+\)$/u);
  }
});
