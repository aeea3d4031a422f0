import { Type } from "@sinclair/typebox";
import { type Analysis, type Stretches, maxStretches, waveformParts } from "../media/analyse.ts";
import { Choice, type Static, Whole, closed, optional } from "../schema.ts";
import { type Video, analysisStates } from "./video.ts";

export const Milliseconds = Whole(0, 2 ** 31);
const Level = (minimum: number, maximum: number, description: string) => Type.Number({ minimum, maximum, description });

/** What a video sounds and looks like, in figures. */
export const AnalysisView = closed(
  {
    state: Choice(analysisStates, "waiting: it follows, and nothing waits for it"),
    loudness: optional(
      closed(
        {
          integratedLufs: Level(-70, 30, "Integrated loudness, LUFS"),
          rangeLu: Level(0, 100, "Loudness range, LU"),
          truePeakDbfs: Level(-60, 30, "True peak, dB of full scale"),
        },
        "EBU R128; absent where there is nothing to hear",
      ),
    ),
    silentMs: optional(Milliseconds),
    blackMs: optional(Milliseconds),
    frozenMs: optional(Milliseconds),
  },
  "What the video sounds and looks like, some time after it is ready",
);
export type AnalysisView = Static<typeof AnalysisView>;

/** Undefined for a video that is not ready, or was before there were analyses. */
export function analysisView({ analysisState, analysis }: Video): AnalysisView | undefined {
  if (analysisState === undefined) return undefined;
  if (analysis === undefined) return { state: analysisState };
  const { loudness, silent, black, frozen } = analysis;
  return {
    state: analysisState,
    ...(loudness !== undefined && { loudness: { ...loudness } }),
    silentMs: silent.totalMs,
    blackMs: black.totalMs,
    frozenMs: frozen.totalMs,
  };
}

const StretchList = (description: string) =>
  Type.Array(closed({ startMs: Milliseconds, endMs: Milliseconds }), { maxItems: maxStretches, description });

/** What a timeline shows of a video beside its pictures. */
export const TimelineView = closed(
  {
    waveform: Type.Array(Whole(0, 100), {
      maxItems: waveformParts,
      description: "Loudest sample of each of so many equal parts, in percent of full scale; empty without sound",
    }),
    silent: StretchList("The longest silent stretches, in order"),
    black: StretchList("The longest black stretches, in order"),
    frozen: StretchList("The longest stretches in which the picture stands still, in order"),
  },
  "Once the analysis is done",
);

export function timelineView({ waveform, silent, black, frozen }: Analysis): Static<typeof TimelineView> {
  return {
    waveform: [...Buffer.from(waveform, "base64")],
    silent: stretchList(silent),
    black: stretchList(black),
    frozen: stretchList(frozen),
  };
}

function stretchList({ longest }: Stretches): Static<ReturnType<typeof StretchList>> {
  return longest.map(({ startMs, endMs }) => ({ startMs, endMs }));
}
