/** A project at GitLab, and by which token it is asked about. */
export interface Project {
  /** Of GitLab's API, such as `https://gitlab.com/api/v4`. */
  readonly api: string;
  /** Id of the project. */
  readonly project: string;
  /** A token that reads the project's API, and nothing else. */
  readonly token: string;
}

/** GitLab answers a question about the project otherwise than well. */
export class GitLabRefusal extends Error {
  override readonly name = "GitLabRefusal";
  readonly status: number;

  constructor(status: number, path: string) {
    super(`GitLab answered ${status} to ${path === "" ? "the project" : path}`);
    this.status = status;
  }
}

/** GitLab's answer about the project: to a path such as `/pipelines`, or to none. Throws {@link GitLabRefusal}. */
export async function askGitLab({ api, project, token }: Project, path: string): Promise<Response> {
  const answer = await fetch(`${api}/projects/${encodeURIComponent(project)}${path}`, {
    headers: { "private-token": token },
    redirect: "error",
  });
  if (!answer.ok) throw new GitLabRefusal(answer.status, path);
  return answer;
}
