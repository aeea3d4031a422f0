import { installPackage } from "../scripts/debianPackage.ts";
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
