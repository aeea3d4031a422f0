import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { MissingTool, findTools } from "../shared/media/tools.ts";

/**
 * Makes sure that ffmpeg and ffprobe are there: installs Debian's package where this may be done without asking.
 * Throws {@link MissingTool}, whose message is the command for the user, where it may not.
 */
export async function provideTools(): Promise<void> {
  const { FFMPEG_PATH: ffmpegPath, FFPROBE_PATH: ffprobePath } = process.env;
  const places = {
    ...(ffmpegPath !== undefined && { ffmpegPath }),
    ...(ffprobePath !== undefined && { ffprobePath }),
  };
  try {
    await findTools(places);
  } catch (error) {
    if (!(error instanceof MissingTool) || ffmpegPath !== undefined || !installPackage("ffmpeg")) throw error;
    await findTools(places);
  }
}

/** Whether apt-get has installed the package: on Debian and Ubuntu, as root. */
function installPackage(name: string): boolean {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  console.log(`Installing ${name} with apt-get, once …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) =>
    spawnSync("/usr/bin/apt-get", ["-qq", ...args], { env, stdio: "ignore" }).status === 0;
  return apt("update") && apt("install", "-y", "--no-install-recommends", name);
}
