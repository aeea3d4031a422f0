import { type ParseArgsConfig, parseArgs } from "node:util";
import { LocalError } from "./service.ts";

/** What was typed behind a command cannot be used. Commands end with the exit code 2 then. */
export class UsageError extends LocalError {
  override readonly name = "UsageError";
}

/** The options of a command line. Throws {@link UsageError} in one sentence, which ends with what `hint` says. */
export function commandOptions<T extends ParseArgsConfig>(
  config: T,
  hint: string,
): ReturnType<typeof parseArgs<T>>["values"] {
  try {
    return parseArgs(config).values;
  } catch (error) {
    const [sentence = ""] = (error as Error).message.split(". ");
    throw new UsageError(`${sentence}: ${hint}`, { cause: error });
  }
}
