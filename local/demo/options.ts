import { UsageError, commandOptions } from "../options.ts";

const breaks = ["signature", "playback", "event"] as const;
/** A claim that is made false on purpose, to see that the demo notices. */
export type Break = (typeof breaks)[number];

export interface DemoOptions {
  readonly help: boolean;
  /** The recording that the guest sends; without it, a clip that is made on first use. */
  readonly video?: string;
  /** Folder of the stack's state. */
  readonly data: string;
  readonly break?: Break;
}

export const help = `
npm run demo -- [options]

Does Callpilot's main job over HTTP: a tenant invites a guest, the guest's device sends a
video, the video is processed and can be played, and the tenant's server hears of it by
webhook. Uses the stack that npm start runs, else boots one and stops it afterwards.
Exit code 0 means that every line of the table at the end was checked and is true.

  --video FILE   the guest sends this video instead of a ten-minute clip made on first use
  --data FOLDER  folder of the stack's state, .local by default
  --break CLAIM  for tests: makes one claim false, so that the demo must end with 1
                   signature  the webhook receiver verifies with a wrong secret
                   playback   ffprobe looks at a download that was cut in half
                   event      the webhook receiver loses video.ready
  --help         shows this
`;

/** Throws {@link UsageError} for what is no option. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const values = parsed(args);
  const claim = breaks.find((name) => name === values.break);
  if (values.break !== undefined && claim === undefined)
    throw new UsageError(`--break takes ${breaks.join(", ")}: ${values.break} is none of them.`);
  return {
    help: values.help,
    data: values.data,
    ...(values.video !== undefined && { video: values.video }),
    ...(claim !== undefined && { break: claim }),
  };
}

function parsed(args: readonly string[]) {
  return commandOptions(
    {
      args: [...args],
      options: {
        help: { type: "boolean", default: false },
        video: { type: "string" },
        data: { type: "string", default: ".local" },
        break: { type: "string" },
      },
    },
    "npm run demo -- --help shows the options.",
  );
}
