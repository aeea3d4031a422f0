import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { GitLabRefusal, type Project, askGitLab } from "../gitlab/project.ts";
import { soonRight } from "./soon.ts";
import { verified } from "./stage.ts";

/**
 * Fetches the package of a commit into a folder, where the commit is what GitLab's protected main says and its pipeline has
 * passed, so that a mirror which was tampered with deploys nothing. The mirror is there before GitLab's pipeline has ended:
 * that is waited for, so many seconds. Throws with the reason.
 */
export async function fetchPackage(project: Project, commit: string, folder: string, seconds: number): Promise<void> {
  const ask = (path: string) => askGitLab(project, path);
  await demandHead(ask, commit);
  const pipeline = await passedPipeline(ask, commit, seconds);
  // It may have been taken back while its pipeline was waited for.
  await demandHead(ask, commit);
  const jobs = (await (await ask(`/pipelines/${pipeline}/jobs?per_page=100`)).json()) as readonly Job[];
  const job = jobs.find(({ name, status }) => name === "package" && status === "success");
  if (job === undefined) throw new Error(`the pipeline ${pipeline} has made no package`);
  await mkdir(folder, { recursive: true });
  const [zip, digest] = [join(folder, "callpilot.zip"), join(folder, "callpilot.zip.sha256")];
  for (const file of [zip, digest]) {
    const name = file.slice(folder.length + 1);
    await writeFile(file, await (await ask(`/jobs/${job.id}/artifacts/package/${name}`)).bytes());
  }
  await verified(zip, digest);
  await sameCommit(zip, commit);
}

/** Throws where the commit is not the head of a protected main. */
async function demandHead(ask: (path: string) => Promise<Response>, commit: string): Promise<void> {
  const branch = (await (await ask("/repository/branches/main")).json()) as Branch;
  if (!branch.protected) throw new Error("main is not protected at GitLab");
  if (branch.commit.id !== commit) throw new Error(`main is at ${branch.commit.id} at GitLab, and at ${commit} here`);
}

/** Id of the pipeline of a commit that has passed. Throws where none has in time, and at once where none can any more. */
async function passedPipeline(
  ask: (path: string) => Promise<Response>,
  commit: string,
  seconds: number,
): Promise<number> {
  const complaint = `no pipeline of ${commit} has passed at GitLab`;
  let passed: number | undefined;
  await soonRight(seconds, complaint, async () => {
    const all = await found(ask, commit).catch((error: unknown) => passing(error));
    if (typeof all === "string") return [all];
    passed = all.find(({ status }) => status === "success")?.id;
    if (passed !== undefined) return [];
    const said = all.map(({ id, status }) => `${id} is ${status}`);
    if (all.length > 0 && all.every(({ status }) => ended.includes(status)))
      throw new Error(`${complaint}: ${said.join("; ")}`);
    return all.length === 0 ? ["there is none"] : said;
  });
  if (passed === undefined) throw new Error(complaint);
  return passed;
}

async function found(ask: (path: string) => Promise<Response>, commit: string): Promise<readonly Pipeline[]> {
  return (await (await ask(`/pipelines?ref=main&sha=${commit}`)).json()) as readonly Pipeline[];
}

/** What kept GitLab from answering this time. Throws what will keep it from that the next time, too. */
function passing(error: unknown): string {
  if (error instanceof GitLabRefusal && error.status < 500 && error.status !== 429) throw error;
  return (error as Error).message;
}

/** What becomes of a pipeline that does not pass. */
const ended: readonly string[] = ["failed", "canceled", "skipped"];

interface Pipeline {
  readonly id: number;
  readonly status: string;
}

interface Branch {
  readonly protected: boolean;
  readonly commit: { readonly id: string };
}

interface Job {
  readonly id: number;
  readonly name: string;
  readonly status: string;
}

/** The package tells which commit it was made of. */
async function sameCommit(zip: string, commit: string): Promise<void> {
  const found = unzipSync(await readFile(zip), { filter: ({ name }) => name === "build.json" })["build.json"];
  const info = JSON.parse(found === undefined ? "{}" : Buffer.from(found).toString()) as {
    commit?: string;
    dirty?: boolean;
  };
  if (info.commit !== commit || info.dirty === true)
    throw new Error(`the package was made of ${info.commit ?? "nothing that it names"}, not of ${commit}`);
}
