import { inspect, opening, type Workshop } from "./inspect.ts";
import { defaultLimits } from "./limits.ts";
import { run } from "./run.ts";
import { type Tools, tools as ownTools } from "./tools.ts";

export interface AnalyseInput {
  /** A video as `prepare` makes it. */
  readonly path: string;
  readonly durationMs: number;
  /** Whether we encoded it ourselves: then a key picture stands every two seconds. */
  readonly ownKeyPictures: boolean;
  /** An existing, empty folder of this analysis alone. */
  readonly workDir: string;
  readonly signal?: AbortSignal;
  readonly tools?: Tools;
}

/** Part of a video, from its beginning in milliseconds. */
export interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

/** When something was so: how long in all, and the longest stretches of it in the order of time. */
export interface Stretches {
  readonly totalMs: number;
  readonly longest: readonly Stretch[];
}

/** What a recording sounds and looks like. */
export interface Analysis {
  /** EBU R128; absent where there is nothing to hear. */
  readonly loudness?: {
    readonly integratedLufs: number;
    readonly rangeLu: number;
    readonly truePeakDbfs: number;
  };
  /** Loudest sample of each of 800 equal parts, 0..100 % of full scale: one byte each, Base64. Empty without a sound track. */
  readonly waveform: string;
  readonly silent: Stretches;
  readonly black: Stretches;
  readonly frozen: Stretches;
}

export const waveformParts = 800;
/** Of each kind; more of them would only fill the video's document. */
export const maxStretches = 30;

/** Shorter ones are pauses in speech, cuts, a hand at rest. */
const shortestMs = 1_000;
/** A decoded minute costs up to 5 CPU seconds, its key pictures alone a fiftieth of that; short videos are looked at whole. */
const wholeMs = 120_000;

/** One core, politely: processing and requests come first. */
const niceness = "10";
/** Inside of `functionTimeout`, also where the core is shared with others for most of the time. */
const limits = {
  cpuSeconds: 20 * 60,
  wallSeconds: 25 * 60,
  memoryBytes: 4 * 1024 ** 3,
  fileBytes: 0,
  openFiles: 64,
};

/**
 * Looks at and listens to a prepared video in one pass of one process. Throws ToolFailure, and the signal's reason when
 * aborted.
 */
export async function analyse(input: AnalyseInput): Promise<Analysis> {
  const { path, durationMs, workDir, signal, tools = await ownTools() } = input;
  const shop: Workshop = { tools, workDir, limits: defaultLimits, processLimits: limits, threads: 1, signal };
  const { audio } = await inspect(path, "mov", shop);
  const keysOnly = input.ownKeyPictures && durationMs > wholeMs;
  const heard = new Findings(durationMs);
  await run(
    "nice",
    [
      ...["-n", niceness, tools.ffmpeg, "-nostdin", "-v", "error", "-threads", "1", "-filter_complex_threads", "1"],
      ...[...(keysOnly ? ["-skip_frame", "nokey"] : []), ...opening(path, "mov", shop)],
      "-filter_complex",
      [looked(keysOnly), ...(audio === null ? [] : [listened(durationMs)])].join(";"),
      ...[
        "-map",
        "[seen]",
        ...(audio === null ? [] : ["-map", "[heard]"]),
        "-fps_mode",
        "passthrough",
        "-f",
        "null",
        "-",
      ],
    ],
    {
      cwd: workDir,
      limits,
      signal,
      onLine: (line) => {
        heard.take(line);
      },
    },
  );
  return heard.analysis(audio !== null);
}

/**
 * Small pictures show darkness and standstill as well as large ones. A picture that stays, because no other came, is
 * repeated five times a second, as a viewer sees it. Of key pictures alone, each seems to stay for the two seconds until the
 * next, so that only what stays for longer stands still.
 */
function looked(keysOnly: boolean): string {
  return `[0:v:0]${[
    ...(keysOnly ? [] : ["fps=5"]),
    "scale=160:160:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=fast_bilinear",
    "format=yuv420p",
    "blackdetect=d=0:pix_th=0.1",
    `freezedetect=n=0.001:d=${keysOnly ? 3 : 1}`,
    ...["black_start", "black_end", "freezedetect.freeze_start", "freezedetect.freeze_end"].map((key) =>
      printed("", key),
    ),
  ].join(",")}[seen]`;
}

/** Silence is below -50 dB of full scale: a quiet room is above it, a covered or muted microphone is not. */
function listened(durationMs: number): string {
  const rate = 48_000;
  const part = Math.max(1, Math.ceil((rate * durationMs) / 1000 / waveformParts));
  return `[0:a:0]${[
    `aresample=${rate}:async=1:first_pts=0`,
    "silencedetect=n=-50dB:d=1",
    ...["silence_start", "silence_end"].map((key) => printed("a", key)),
    "ebur128=peak=true:metadata=1",
    ...["r128.I", "r128.LRA", "r128.true_peak"].map((key) => printed("a", key)),
    // Its frames hold what was measured of many before, so this comes last.
    `asetnsamples=n=${part}`,
    "astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=Peak_level",
    printed("a", "astats.Overall.Peak_level"),
  ].join(",")}[heard]`;
}

function printed(kind: "" | "a", key: string): string {
  return `${kind}metadata=print:key=lavfi.${key}:file=-:direct=1`;
}

const opened = {
  silence_start: "silent",
  black_start: "black",
  "freezedetect.freeze_start": "frozen",
} as const;
const closed = {
  silence_end: "silent",
  black_end: "black",
  "freezedetect.freeze_end": "frozen",
} as const;

/** Takes what the filters print, `lavfi.<key>=<value>` between lines that tell the frame, and keeps no more than is shown. */
class Findings {
  readonly #durationMs: number;
  readonly #found = { silent: new Tally(), black: new Tally(), frozen: new Tally() };
  readonly #peaks = Buffer.alloc(waveformParts);
  #parts = 0;
  #measured = { integratedLufs: -Infinity, rangeLu: 0, truePeak: 0 };

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  take(line: string): void {
    const [name = "", text = ""] = line.split("=");
    if (!name.startsWith("lavfi.")) return;
    const key = name.slice("lavfi.".length);
    const value = Number(text);
    if (key in opened) this.#found[opened[key as keyof typeof opened]].open(this.#at(value));
    else if (key in closed) this.#found[closed[key as keyof typeof closed]].close(this.#at(value));
    else if (key === "r128.I") this.#measured.integratedLufs = value;
    else if (key === "r128.LRA") this.#measured.rangeLu = value;
    else if (key === "r128.true_peak") this.#measured.truePeak = value;
    else if (key === "astats.Overall.Peak_level") this.#peak(text);
  }

  analysis(hasSound: boolean): Analysis {
    const { silent, black, frozen } = this.#found;
    if (!hasSound) silent.open(0);
    const end = this.#durationMs;
    return {
      ...this.#loudness(),
      waveform: hasSound ? this.#peaks.toString("base64") : "",
      silent: silent.stretches(end),
      black: black.stretches(end),
      frozen: frozen.stretches(end),
    };
  }

  #at(seconds: number): number {
    return Math.min(this.#durationMs, Math.max(0, Math.round(seconds * 1000)));
  }

  /** Decibels of full scale; `-inf` where there is no sound. */
  #peak(text: string): void {
    const share = text === "-inf" ? 0 : Math.min(1, 10 ** (Number(text) / 20));
    if (this.#parts < waveformParts) this.#peaks[this.#parts++] = Math.round(share * 100);
  }

  /** -70 LUFS is the gate below which EBU R128 hears nothing (EBU Tech 3341). A true peak has three decimals. */
  #loudness(): Pick<Analysis, "loudness"> {
    const { integratedLufs, rangeLu, truePeak } = this.#measured;
    if (integratedLufs <= -70) return {};
    const truePeakDbfs = tenths(20 * Math.log10(Math.max(0.001, truePeak)));
    return { loudness: { integratedLufs: tenths(integratedLufs), rangeLu: tenths(rangeLu), truePeakDbfs } };
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Adds up stretches and keeps the longest. */
class Tally {
  #start: number | undefined;
  #totalMs = 0;
  #longest: Stretch[] = [];

  open(at: number): void {
    this.#start ??= at;
  }

  close(at: number): void {
    if (this.#start === undefined) return;
    const stretch = { startMs: this.#start, endMs: at };
    this.#start = undefined;
    if (length(stretch) < shortestMs) return;
    this.#totalMs += length(stretch);
    this.#longest.push(stretch);
    if (this.#longest.length > maxStretches)
      this.#longest = this.#longest.toSorted((one, other) => length(other) - length(one)).slice(0, maxStretches);
  }

  /** What is still open lasts until the end. */
  stretches(endMs: number): Stretches {
    this.close(endMs);
    return {
      totalMs: this.#totalMs,
      longest: this.#longest.toSorted((one, other) => one.startMs - other.startMs),
    };
  }
}

function length({ startMs, endMs }: Stretch): number {
  return endMs - startMs;
}
