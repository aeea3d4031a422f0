import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { caFile, loadCertificates } from "../../local/certificates.ts";
import { listen, stop } from "../../local/service.ts";

/** What the Azure CLI answers to a command that begins so: JSON, or a failure; as often as is said, or always. */
export interface Recorded {
  readonly command: string;
  readonly says?: unknown;
  readonly fails?: string;
  readonly times?: number;
}

/** A command that was run, and what it was given by the environment. */
export interface Call {
  readonly line: string;
  readonly given: Readonly<Record<string, string>>;
}

export interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly calls: readonly Call[];
}

/** Of an app that is well, by path. */
const wellAnswers: Readonly<Record<string, readonly [status: number, body: object]>> = {
  "/health": [200, { status: "alive" }],
  "/health/ready": [200, { status: "ready" }],
  "/v1/openapi.json": [200, { openapi: "3.1.0" }],
  "/v1/tenant": [401, { code: "unauthenticated" }],
};

/** An Azure CLI that answers what was recorded, and an app that answers as it is told to. */
export class PretendAzure implements AsyncDisposable {
  readonly folder: string;
  /** `localhost:PORT` */
  readonly hostName: string;
  /** Statuses by path, where they are not those of an app that is well. */
  readonly statuses: Map<string, number>;
  readonly #close: () => Promise<void>;

  private constructor(folder: string, hostName: string, statuses: Map<string, number>, close: () => Promise<void>) {
    this.folder = folder;
    this.hostName = hostName;
    this.statuses = statuses;
    this.#close = close;
  }

  static async start(): Promise<PretendAzure> {
    const folder = await mkdtemp(join(tmpdir(), "callpilot-deploy-"));
    const certificates = await loadCertificates(join(folder, "certificates"));
    const statuses = new Map<string, number>();
    const server = createServer({ key: certificates.key, cert: certificates.cert }, (request, response) => {
      const path = request.url ?? "";
      const [usual, body] = wellAnswers[path] ?? [404, {}];
      response.writeHead(statuses.get(path) ?? usual, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    });
    const port = await listen(server, 0, "pretended app");
    await mkdir(join(folder, "bin"));
    const cli = `exec '${process.execPath}' '${join(import.meta.dirname, "az.ts")}' "$@"`;
    await writeFile(
      join(folder, "bin", "az"),
      `#!/bin/sh
${cli}
`,
      { mode: 0o755 },
    );
    return new PretendAzure(folder, `localhost:${port}`, statuses, () => stop(server));
  }

  /** Runs `npm run deploy` with the arguments, against what was recorded. */
  async deploy(args: readonly string[], recorded: readonly Recorded[]): Promise<Ran> {
    const [record, calls] = [join(this.folder, "record.json"), join(this.folder, "calls.jsonl")];
    await writeFile(record, JSON.stringify(recorded));
    await writeFile(calls, "");
    const program = join(import.meta.dirname, "..", "..", "scripts", "deploy.ts");
    const child = spawn(process.execPath, [program, ...args], {
      env: {
        PATH: [join(this.folder, "bin"), process.env["PATH"]].join(delimiter),
        NODE_EXTRA_CA_CERTS: caFile(join(this.folder, "certificates")),
        AZ_RECORD: record,
        AZ_CALLS: calls,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    const lines = (await readFile(calls, "utf8")).split("\n").filter((line) => line !== "");
    return { code, output, calls: lines.map((line) => JSON.parse(line) as Call) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
