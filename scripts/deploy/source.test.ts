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

/** What GitLab answers, by path of the project. */
function answersOf(zip: Buffer): Map<string, unknown> {
  return new Map<string, unknown>([
    ["/repository/branches/main", { protected: true, commit: { id: commit } }],
    [`/pipelines?ref=main&sha=${commit}&status=success`, [{ id: 7 }]],
    ["/pipelines/7/jobs?per_page=100", [{ id: 8, name: "package", status: "success" }]],
    ["/jobs/8/artifacts/package/callpilot.zip", zip],
    ["/jobs/8/artifacts/package/callpilot.zip.sha256", Buffer.from(digestOf(zip))],
  ]);
}

let server: Server;
let project: Project;
let folder = "";
let answers: Map<string, unknown>;
beforeAll(async () => {
  server = createServer((request, response) => {
    const path = (request.url ?? "").replace("/projects/group%2Fcallpilot", "");
    const answer = request.headers["private-token"] === token ? answers.get(path) : undefined;
    response.statusCode = answer === undefined ? 404 : 200;
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
  await fetchPackage(project, commit, folder);
  expect(await readFile(join(folder, "callpilot.zip"))).toEqual(zipOf({ commit }));
});

test.each<[string, string, unknown, string]>([
  ["main is not protected", "/repository/branches/main", { protected: false }, "main is not protected at GitLab"],
  [
    "main is elsewhere",
    "/repository/branches/main",
    { protected: true, commit: { id: "b" } },
    `main is at b at GitLab, and at ${commit} here`,
  ],
  ["no pipeline has passed", `/pipelines?ref=main&sha=${commit}&status=success`, [], `no pipeline of ${commit} has`],
  ["no job made it", "/pipelines/7/jobs?per_page=100", [], "the pipeline 7 has made no package"],
  ["it is gone", "/jobs/8/artifacts/package/callpilot.zip", undefined, "GitLab answered 404 to /jobs/8/artifacts/"],
  ["it is another one", "/jobs/8/artifacts/package/callpilot.zip", zipOf({}), "is not what"],
])("nothing is fetched where %s", async (_case, path, answer, message) => {
  answers.set(path, answer);
  await expect(fetchPackage(project, commit, folder)).rejects.toThrow(message);
});

test.each([
  [{ commit: "b" }, `the package was made of b, not of ${commit}`],
  [{ commit, dirty: true }, "the package was made of"],
  [{}, "the package was made of nothing that it names"],
])("a package that says that it was made of %j is not taken", async (build, message) => {
  answers = answersOf(zipOf(build));
  await expect(fetchPackage(project, commit, folder)).rejects.toThrow(message);
});

test("a refusal tells what was asked for, and no token", async () => {
  const refused = fetchPackage({ ...project, token: "another-token" }, commit, folder);
  await expect(refused).rejects.toThrow(/^GitLab answered 404 to \/repository\/branches\/main$/u);
});
