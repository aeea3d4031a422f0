import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { installPackage } from "./debianPackage.ts";
import { shellParts } from "./pipelines/yaml.ts";
import { projectFiles } from "./projectFiles.ts";
import { skipped } from "./skipped.ts";

const program = "/usr/bin/shellcheck";

/** Has ShellCheck look at every shell file of the project and at what the pipelines give to shells. */
function main(): void {
  if (!existsSync(program) && !(installPackage("shellcheck") && existsSync(program))) {
    console.log("ShellCheck is not installed: on Debian, `sudo apt-get install shellcheck`");
    process.exitCode = skipped;
    return;
  }
  const parts = [
    ...shellFiles(),
    ...shellParts().map(({ file, text }) => ({ file, text: `#!/bin/bash\n${plain(text)}\n` })),
  ];
  const said = parts.flatMap(({ file, text }) => {
    const { status, stdout } = spawnSync(program, ["--severity=style", "--format=gcc", "-"], {
      input: text,
      encoding: "utf8",
    });
    return status === 0
      ? []
      : stdout
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => line.replace(/^-/u, file));
  });
  for (const line of said) console.log(line);
  console.log(`${said.length} findings in ${parts.length} shell files and parts of pipelines`);
  process.exitCode = said.length === 0 ? 0 : 1;
}

function shellFiles(): { readonly file: string; readonly text: string }[] {
  return projectFiles()
    .map((file) => ({ file, text: readFileSync(file, "utf8") }))
    .filter(({ text }) => /^#!.*\b(?:ba|da)?sh\b/u.test(text.split("\n", 1)[0] ?? ""));
}

/** With words in place of what Azure Pipelines puts in before a shell reads it: `${{ x }}` and `$(x)`. */
function plain(text: string): string {
  return text.replaceAll(/\$\{\{[^${}]*\}\}/gu, "word").replaceAll(/\$\([\w.]+\)/gu, "word");
}

main();
