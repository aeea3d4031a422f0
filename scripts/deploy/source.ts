import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { type Project, askGitLab } from "../gitlab/project.ts";
import { verified } from "./stage.ts";

/**
 * Fetches the package of a commit into a folder, where the commit is what GitLab's protected main says and its pipeline has
 * passed, so that a mirror which was tampered with deploys nothing. Throws with the reason.
 */
export async function fetchPackage(project: Project, commit: string, folder: string): Promise<void> {
  const ask = (path: string) => askGitLab(project, path);
  const branch = (await (await ask("/repository/branches/main")).json()) as Branch;
  if (!branch.protected) throw new Error("main is not protected at GitLab");
  if (branch.commit.id !== commit) throw new Error(`main is at ${branch.commit.id} at GitLab, and at ${commit} here`);
  const passed = await ask(`/pipelines?ref=main&sha=${commit}&status=success`);
  const [pipeline] = (await passed.json()) as readonly { readonly id: number }[];
  if (pipeline === undefined) throw new Error(`no pipeline of ${commit} has passed at GitLab`);
  const jobs = (await (await ask(`/pipelines/${pipeline.id}/jobs?per_page=100`)).json()) as readonly Job[];
  const job = jobs.find(({ name, status }) => name === "package" && status === "success");
  if (job === undefined) throw new Error(`the pipeline ${pipeline.id} has made no package`);
  await mkdir(folder, { recursive: true });
  const [zip, digest] = [join(folder, "callpilot.zip"), join(folder, "callpilot.zip.sha256")];
  for (const file of [zip, digest]) {
    const name = file.slice(folder.length + 1);
    await writeFile(file, await (await ask(`/jobs/${job.id}/artifacts/package/${name}`)).bytes());
  }
  await verified(zip, digest);
  await sameCommit(zip, commit);
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
