import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Azure's command line refused something. The message is its own first line; values of settings are not in it. */
export class AzFailure extends Error {
  override readonly name = "AzFailure";
}

/**
 * Runs one command of the Azure CLI, which the pipeline has signed in, and gives its answer. What is secret goes in by the
 * environment, never by an argument, which every process on the machine could read. Throws {@link AzFailure}.
 */
export async function az<T = unknown>(
  args: readonly string[],
  secrets: Readonly<Record<string, string>> = {},
): Promise<T> {
  const options = { env: { ...process.env, ...secrets }, maxBuffer: 64 * 1024 ** 2 };
  const { stdout } = await promisify(execFile)(
    "az",
    [...args, "--output", "json", "--only-show-errors"],
    options,
  ).catch((error: unknown) => {
    const { stderr = "", code } = error as { readonly stderr?: string; readonly code?: unknown };
    if (code === "ENOENT") throw new AzFailure("the Azure CLI is not installed: az");
    const command = args.filter((each, index) => index < 4 && !each.startsWith("-")).join(" ");
    const said = withoutSecrets(stderr.trim().split("\n", 1)[0] ?? "", Object.values(secrets));
    throw new AzFailure(`az ${command}: ${said === "" ? "failed" : said}`, { cause: undefined });
  });
  return (stdout.trim() === "" ? undefined : JSON.parse(stdout)) as T;
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => (secret === "" ? left : left.replaceAll(secret, "***")), text);
}
