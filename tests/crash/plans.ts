import type { ClipName } from "../../scripts/clips.ts";
import type { Stage } from "./stages.ts";

/** What a guest does with one video, and what has to come of it. */
export interface Plan {
  readonly clip: ClipName;
  /** How often the file has it, one after the other; once unless given. */
  readonly times?: number;
  /** When the guest takes it back. */
  readonly cancel?: "sent" | "completed" | "done";
  /** The guest closes the page and never comes back. */
  readonly abandon?: true;
  /** The SHA-256 that the device declares is another file's. */
  readonly wrongHash?: true;
  /** The states that it may be in when all is over. */
  readonly ends: readonly string[];
  /** Code of the rejection. */
  readonly code?: string;
}

const remux: Plan = { clip: "h264-silent.mp4", ends: ["ready"] };
const transcode: Plan = { clip: "h264-rotated.mp4", ends: ["ready"] };
/** Its encoding takes seconds: a tool that outlives its instance is seen to. */
const long: Plan = { ...transcode, times: 50 };
const noVideo: Plan = { clip: "text.mp4", ends: ["rejected"], code: "unsupported_format" };
const broken: Plan = { clip: "truncated-index-last.mp4", ends: ["rejected"] };
const wrongHash: Plan = { ...remux, wrongHash: true, ends: ["rejected"], code: "checksum_mismatch" };
const gone = ["upload_cancelled", "deleted"];
const cancelled = (["sent", "completed", "done"] as const).map((cancel): Plan => ({ ...remux, cancel, ends: gone }));
const cancelledGarbage: Plan = { ...noVideo, cancel: "done", ends: gone };
const abandoned: Plan = { ...remux, abandon: true, ends: ["upload_expired"] };

/** What guests do, each as often as it stands here. */
export const plans: readonly Plan[] = [
  ...Array.from({ length: 7 }, () => remux),
  ...Array.from({ length: 3 }, () => transcode),
  ...[noVideo, noVideo, broken, wrongHash],
  ...[...cancelled, cancelledGarbage, abandoned],
];

/** What a guest does so that the stage is come to. */
export function plansFor(stage: Stage): readonly Plan[] {
  if (stage === "encode") return [long];
  if (stage.startsWith("cancel")) return [...cancelled, cancelledGarbage];
  if (stage === "tidy: upload") return [remux, noVideo];
  return [remux, transcode];
}
