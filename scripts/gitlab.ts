import { readFileSync } from "node:fs";
import { GitLabRefusal, askGitLab } from "./gitlab/project.ts";
import { type Ask, type Settings, differences } from "./gitlab/settings.ts";

const usage = `Compares what GitLab enforces of this project with .gitlab/settings.json.

  GITLAB_API=https://gitlab.com/api/v4 GITLAB_PROJECT=ID GITLAB_TOKEN=TOKEN npm run check:gitlab

The token reads the project's API and nothing else. Exit codes: 1 something differs, 2 wrong use.`;

const { GITLAB_API: api, GITLAB_PROJECT: project, GITLAB_TOKEN: token } = process.env;
if (api === undefined || project === undefined || token === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  const ask: Ask = async (path) => {
    try {
      return await (await askGitLab({ api, project, token }, path)).json();
    } catch (error) {
      if (error instanceof GitLabRefusal && error.status === 404 && path !== "") return undefined;
      throw error;
    }
  };
  try {
    const found = await differences(JSON.parse(readFileSync(".gitlab/settings.json", "utf8")) as Settings, ask);
    for (const each of found) console.log(each);
    console.log(`${found.length} settings differ`);
    process.exitCode = found.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(`check:gitlab: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
