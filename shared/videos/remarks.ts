import type { Analysis } from "../media/analyse.ts";
import type { Gates } from "../templates/gates.ts";

/** What can be found wanting in a recording that plays: the gates of a video question. */
export const gateNames = ["short", "black", "silent", "frozen"] as const;
export type GateName = (typeof gateNames)[number];
/** Those that go by how much of the time it is so. */
type Lack = Exclude<GateName, "short">;

/** Something that was found wanting, and whether the guest is asked to record again because of it. */
export interface Remark {
  readonly gate: GateName;
  readonly asks: "hint" | "retake";
}

/** What a recording is judged by. */
export interface Recorded {
  readonly durationMs: number;
  readonly analysis: Pick<Analysis, Lack>;
}

type OfTime = NonNullable<Gates["black"]>;
const byDefault: OfTime = { action: "hint" };
const defaultShare = 0.5;

/** What the question's gates find wanting in the recording. */
export function remarksOn(recorded: Recorded, gates: Gates = {}): Remark[] {
  const { short, black = byDefault, silent = byDefault, frozen = byDefault } = gates;
  const lacking = (gate: Lack, { share = defaultShare }: OfTime) => shareOf(recorded, gate) >= share;
  const dark = lacking("black", black);
  return [
    ...(short !== undefined && recorded.durationMs < short.seconds * 1000 ? remark("short", short.action) : []),
    ...(dark ? remark("black", black.action) : []),
    ...(lacking("silent", silent) ? remark("silent", silent.action) : []),
    // What is black stands still as well, which tells nobody more.
    ...(!dark && lacking("frozen", frozen) ? remark("frozen", frozen.action) : []),
  ];
}

function remark(gate: GateName, action: "off" | Remark["asks"]): Remark[] {
  return action === "off" ? [] : [{ gate, asks: action }];
}

function shareOf({ durationMs, analysis }: Recorded, gate: Lack): number {
  return analysis[gate].totalMs / Math.max(1, durationMs);
}

/** The remarks where the guest is not asked for anything any more. */
export function asHints(remarks: readonly Remark[]): Remark[] {
  return remarks.map(({ gate }) => ({ gate, asks: "hint" }));
}

export function asksForRetake(remarks: readonly Remark[] | undefined): boolean {
  return remarks?.some(({ asks }) => asks === "retake") === true;
}

const requests: Readonly<Record<GateName, string>> = {
  short: "This video is very short. Please record a longer one.",
  black:
    "There is hardly anything to see: the picture is dark for much of the time. Please record it again, with more light and with nothing in front of the camera.",
  silent:
    "There is nothing to hear for much of the time. Please record it again, with the microphone allowed and uncovered.",
  frozen: "The picture stands still for much of the time. Please record it again, and move the camera slowly.",
};

/** What a guest is asked for, in words that they can act on; undefined where they are asked for nothing. */
export function requestOf(remarks: readonly Remark[] | undefined): string | undefined {
  const asked = (remarks ?? []).filter(({ asks }) => asks === "retake");
  return asked.length === 0 ? undefined : asked.map(({ gate }) => requests[gate]).join(" ");
}

/** What a member is told of the recording. */
export function hintOf(gate: GateName, recorded: Recorded): string {
  if (gate === "short") return `It lasts ${(recorded.durationMs / 1000).toFixed(1)} seconds only.`;
  const percent = Math.round(Math.min(1, shareOf(recorded, gate)) * 100);
  if (gate === "silent") return `There is nothing to hear for ${percent} % of the time.`;
  return gate === "black"
    ? `The picture is black for ${percent} % of the time.`
    : `The picture stands still for ${percent} % of the time.`;
}
