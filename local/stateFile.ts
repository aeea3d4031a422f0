import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { LocalError } from "./service.ts";

/** What a local service remembers, in one JSON file. Change `value`, then await `save()` before answering. */
export interface StateFile<T> {
  readonly value: T;
  /** Resolves when everything changed before the call is on disk; calls made meanwhile share one write. */
  save(): Promise<void>;
}

/**
 * Reads `file`, or begins with what `initial` makes if there is none.
 * Throws {@link LocalError} if the file does not hold what `schema` describes.
 */
export async function openState<S extends TSchema>(
  file: string,
  schema: S,
  initial: () => Static<S> | Promise<Static<S>>,
): Promise<StateFile<Static<S>>> {
  const text = await textOf(file);
  const value = text === undefined ? await initial() : parseState(file, schema, text);
  return { value, save: coalesced(() => writeDurably(file, JSON.stringify(value))) };
}

/** The JSON in `text` as `schema` describes it. Throws {@link LocalError}, naming `file`, if it is something else. */
export function parseState<S extends TSchema>(file: string, schema: S, text: string): Static<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!Value.Check(schema, value))
    throw new LocalError(`${file} is damaged: delete it, or begin anew with npm start -- --fresh.`);
  return value;
}

/** Writes so that a killed process leaves the old text or the new one, never a part. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const folder = await open(dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The file's text, or undefined if there is no such file. */
export async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Runs `write` once at a time; a call during a run waits for one further run, which it shares with its like. */
export function coalesced(write: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  const run = async (previous: Promise<void>) => {
    await previous.catch(() => undefined);
    next = undefined;
    await write();
  };
  return () => {
    next ??= running = run(running);
    return next;
  };
}
