import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { listen, stop } from "../../local/service.ts";
import type { Project } from "../gitlab/project.ts";
import { fetchPackage } from "./source.ts";

const commit = "a".repeat(40);
const token = "a-token-that-reads";
const zipOf = (build: object) => Buffer.from(zipSync({ "build.json": Buffer.from(JSON.stringify(build)) }));
const digestOf = (zip: Buffer) => `${createHash("sha256").update(zip).digest("hex")}  callpilot.zip\n`;

const pipelines = `/pipelines?ref=main&sha=${commit}`;
const patience = 60;

/** What GitLab answers, by path of the project; a status where it is a number; in turn, where it is {@link InTurn}. */
function answersOf(zip: Buffer): Map<string, unknown> {
  return new Map<string, unknown>([
    ["/repository/branches/main", { protected: true, commit: { id: commit } }],
    [pipelines, [{ id: 7, status: "success" }]],
    ["/pipelines/7/jobs?per_page=100", [{ id: 8, name: "package", status: "success" }]],
    ["/jobs/8/artifacts/package/callpilot.zip", zip],
    ["/jobs/8/artifacts/package/callpilot.zip.sha256", Buffer.from(digestOf(zip))],
  ]);
}

/** One answer after the other. */
class InTurn {
  readonly #answers: unknown[];

  constructor(...all: unknown[]) {
    this.#answers = all;
  }

  next(): unknown {
    return this.#answers.shift();
  }
}

let server: Server;
let project: Project;
let folder = "";
let answers: Map<string, unknown>;
beforeAll(async () => {
  server = createServer((request, response) => {
    const path = (request.url ?? "").replace("/projects/group%2Fcallpilot", "");
    const known = request.headers["private-token"] === token ? answers.get(path) : undefined;
    const answer = known instanceof InTurn ? known.next() : known;
    response.statusCode = typeof answer === "number" ? answer : 200;
    if (answer === undefined) response.statusCode = 404;
    response.end(Buffer.isBuffer(answer) ? answer : JSON.stringify(answer ?? {}));
  });
  const port = await listen(server, 0, "pretended GitLab");
  project = { api: `http://localhost:${port}`, project: "group/callpilot", token };
  folder = await mkdtemp(join(tmpdir(), "callpilot-source-"));
});
beforeEach(() => {
  answers = answersOf(zipOf({ commit }));
});
afterAll(async () => {
  await stop(server);
  await rm(folder, { recursive: true });
});

test("the package of the head of protected main is fetched, as its pipeline made it", async () => {
  await fetchPackage(project, commit, folder, patience);
  expect(await readFile(join(folder, "callpilot.zip"))).toEqual(answers.get("/jobs/8/artifacts/package/callpilot.zip"));
});

test("a pipeline that has not begun or not ended is waited for: the mirror is faster", async () => {
  answers.set(pipelines, new InTurn([], [{ id: 7, status: "running" }], [{ id: 7, status: "success" }]));
  await fetchPackage(project, commit, folder, patience);
  expect(await readFile(join(folder, "callpilot.zip"))).toEqual(answers.get("/jobs/8/artifacts/package/callpilot.zip"));
});

test("a question that GitLab cannot answer for a while is asked again: two hours are long", async () => {
  answers.set(pipelines, new InTurn(502, 429, [{ id: 7, status: "success" }]));
  await fetchPackage(project, commit, folder, patience);
  expect(await readFile(join(folder, "callpilot.zip"))).toEqual(answers.get("/jobs/8/artifacts/package/callpilot.zip"));
});

test.each<[object[], string]>([
  [[], `no pipeline of ${commit} has passed at GitLab: there is none`],
  [[{ id: 7, status: "running" }], `no pipeline of ${commit} has passed at GitLab: 7 is running`],
])("but no longer than there is patience for: %j", async (found, message) => {
  answers.set(pipelines, found);
  await expect(fetchPackage(project, commit, folder, 0)).rejects.toThrow(message);
});

test.each<[string, string, unknown, string]>([
  ["main is not protected", "/repository/branches/main", { protected: false }, "main is not protected at GitLab"],
  [
    "main is elsewhere",
    "/repository/branches/main",
    { protected: true, commit: { id: "b" } },
    `main is at b at GitLab, and at ${commit} here`,
  ],
  [
    "its pipelines have failed",
    pipelines,
    [
      { id: 8, status: "canceled" },
      { id: 7, status: "failed" },
    ],
    `no pipeline of ${commit} has passed at GitLab: 8 is canceled; 7 is failed`,
  ],
  [
    "main has moved on meanwhile",
    "/repository/branches/main",
    new InTurn({ protected: true, commit: { id: commit } }, { protected: true, commit: { id: "b" } }),
    `main is at b at GitLab, and at ${commit} here`,
  ],
  ["no job made it", "/pipelines/7/jobs?per_page=100", [], "the pipeline 7 has made no package"],
  ["it is gone", "/jobs/8/artifacts/package/callpilot.zip", undefined, "GitLab answered 404 to /jobs/8/artifacts/"],
  ["it is another one", "/jobs/8/artifacts/package/callpilot.zip", zipOf({}), "is not what"],
])("nothing is fetched where %s", async (_case, path, answer, message) => {
  answers.set(path, answer);
  await expect(fetchPackage(project, commit, folder, patience)).rejects.toThrow(message);
});

test.each([
  [{ commit: "b" }, `the package was made of b, not of ${commit}`],
  [{ commit, dirty: true }, "the package was made of"],
  [{}, "the package was made of nothing that it names"],
])("a package that says that it was made of %j is not taken", async (build, message) => {
  answers = answersOf(zipOf(build));
  await expect(fetchPackage(project, commit, folder, patience)).rejects.toThrow(message);
});

test("a refusal tells what was asked for, and no token", async () => {
  const refused = fetchPackage({ ...project, token: "another-token" }, commit, folder, patience);
  await expect(refused).rejects.toThrow(/^GitLab answered 404 to \/repository\/branches\/main$/u);
});
