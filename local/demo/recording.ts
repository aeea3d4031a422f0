import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { clip } from "../../scripts/clips.ts";
import { LocalError } from "../service.ts";

/** The file that the guest sends. */
export interface Recording {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  /** As a device would declare it, by the file's name. */
  readonly contentType: string;
  /** Of the whole file, hex. */
  readonly sha256: string;
}

const contentTypes: Readonly<Record<string, string>> = {
  ".mp4": "video/mp4",
  ".m4v": "video/mp4",
  ".mov": "video/quicktime",
  ".webm": "video/webm",
  ".mkv": "video/x-matroska",
};

const clipName = "ten-minutes-720p.mp4";

/** The given file, or a ten-minute clip that is made on first use. Throws {@link LocalError} for what cannot be read. */
export async function recording(file: string | undefined): Promise<Recording> {
  // npm runs scripts in the project's folder and says where the user was.
  const path = file === undefined ? await ownClip() : resolve(process.env["INIT_CWD"] ?? ".", file);
  const size = await readableSize(path, file ?? path);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return {
    path,
    name: file === undefined ? clipName : basename(path),
    size,
    contentType: contentTypes[extname(path).toLowerCase()] ?? "application/octet-stream",
    sha256: hash.digest("hex"),
  };
}

async function ownClip(): Promise<string> {
  try {
    return await clip(clipName);
  } catch (error) {
    const said = (error as Error).message.trim().split("\n").at(-1) ?? "";
    throw new LocalError(`No clip could be made (${said}): give a video of your own with --video FILE.`, {
      cause: error,
    });
  }
}

async function readableSize(path: string, shown: string): Promise<number> {
  const refuse = (why: string, cause?: unknown) =>
    new LocalError(`--video ${shown} ${why}: give the path of a video that you may read.`, { cause });
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw refuse(missing ? "does not exist" : "cannot be read", error);
  }
  const about = await stat(path);
  if (!about.isFile()) throw refuse("is not a file");
  if (about.size === 0) throw refuse("is empty");
  return about.size;
}
