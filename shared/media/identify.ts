import {
  CustomSource,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  Logging,
  LogLevel,
  MATROSKA,
  MP4,
  QTFF,
  WEBM,
} from "mediabunny";
import type { RangeSource } from "../storage/streams.ts";
import { checkDuration, checkPixels, type MediaLimits } from "./limits.ts";
import { Rejection } from "./rejection.ts";
import { checkBoxes, checkMagic, checkTracks, type ContainerFamily, headBytes } from "./signature.ts";

const videoCodecs = ["avc", "hevc", "vp8", "vp9", "av1"] as const;
export type SourceVideoCodec = (typeof videoCodecs)[number];
export type Rotation = 0 | 90 | 180 | 270;

/** What a recording says about itself, read from its index only. Pictures have not been decoded yet. */
export interface MediaFacts {
  readonly container: "mp4" | "mov" | "webm" | "matroska";
  readonly family: ContainerFamily;
  readonly sizeBytes: number;
  /** Null when the container does not say, as with a browser's recorder. */
  readonly durationMs: number | null;
  readonly bitsPerSecond: number | null;
  readonly video: {
    readonly codec: SourceVideoCodec;
    /** As coded, before rotation. */
    readonly width: number;
    readonly height: number;
    /** As shown: square pixels, upright. */
    readonly displayWidth: number;
    readonly displayHeight: number;
    /** Degrees clockwise that make the coded picture upright. */
    readonly rotation: Rotation;
    readonly mirrored: boolean;
  };
  readonly audio: { readonly codec: string } | null;
  /** How much of the file was read to learn this. */
  readonly bytesRead: number;
}

/** An index is small: 5 MB for an hour. A file that needs more to be understood is not one of ours. */
function readingBudget(size: number): number {
  return Math.max(10 * 1024 * 1024, Math.ceil(size / 100));
}

/**
 * Tells what a file is by its content, reading only pieces of it: the first bytes, then the index.
 * Throws {@link Rejection} for whatever is no recording within the limits. Errors of the source are thrown on as they are:
 * they say nothing about the file.
 */
export async function identify(source: RangeSource, limits: MediaLimits, signal?: AbortSignal): Promise<MediaFacts> {
  if (source.size > limits.maxBytes)
    throw new Rejection("too_large", `${source.size} bytes, at most ${limits.maxBytes}`);
  if (source.size === 0) throw new Rejection("corrupt", "the file is empty");
  const reader = new MeteredReader(source, signal);
  const family = checkMagic(await reader.read(0, Math.min(headBytes, source.size)));
  const movieMs = family === "mov" ? await checkBoxes(reader) : null;
  Logging.level = LogLevel.Silent;
  using input = new Input({
    formats: [MP4, QTFF, WEBM, MATROSKA],
    source: new CustomSource({
      getSize: () => source.size,
      read: (start, end) => reader.read(start, end),
      // The failure is kept by the reader and thrown by whatever asked for the bytes.
      handleUnhandledError: () => undefined,
      // Kept here, not there: so every step of mediabunny passes the reader, which ends it when it runs in circles (its
      // search for the next Matroska element does, when exactly eight bytes are left).
      maxCacheSize: 0,
    }),
  });
  try {
    return await describe(input, family, movieMs, reader, limits);
  } catch (error) {
    if (reader.failure !== undefined) throw reader.failure.why;
    if (error instanceof Rejection) throw error;
    throw new Rejection("corrupt", "its index cannot be read", { cause: error });
  }
}

/** Few reads of the source serve many small ones of an index, which lie close together. */
const blockBytes = 64 * 1024;
/** An index is understood in some hundred steps. */
const maxSteps = 20_000;

/** Reads within the budget, keeps the blocks that it read, and remembers why it could not. */
class MeteredReader {
  readonly size: number;
  bytesRead = 0;
  failure: { why: unknown } | undefined;
  readonly #source: RangeSource;
  readonly #signal: AbortSignal | undefined;
  readonly #blocks = new Map<number, Uint8Array>();
  #steps = 0;

  constructor(source: RangeSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
    this.size = source.size;
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    try {
      this.#signal?.throwIfAborted();
      if (++this.#steps > maxSteps) throw new Rejection("corrupt", "its index leads in circles");
      if (end - start >= blockBytes) return await this.#fetch(start, end);
      const piece = new Uint8Array(end - start);
      for (let at = start - (start % blockBytes); at < end; at += blockBytes) {
        const block = await this.#block(at);
        const from = Math.max(start, at);
        piece.set(block.subarray(from - at, end - at), from - start);
      }
      return piece;
    } catch (error) {
      this.failure ??= { why: error };
      throw error;
    }
  }

  async #block(at: number): Promise<Uint8Array> {
    const block = this.#blocks.get(at) ?? (await this.#fetch(at, Math.min(at + blockBytes, this.size)));
    this.#blocks.set(at, block);
    return block;
  }

  async #fetch(start: number, end: number): Promise<Uint8Array> {
    this.bytesRead += end - start;
    if (this.bytesRead > readingBudget(this.size))
      throw new Rejection("unsupported_format", "its index is too large to be a recording's");
    const bytes = await this.#source.read(start, end, this.#signal);
    if (bytes.length !== end - start) throw new Error(`Asked for ${end - start} bytes, got ${bytes.length}.`);
    return bytes;
  }
}

/**
 * Asks for what the index states, and never for packets, which in MP4 getDurationFromMetadata, getColorSpace and codec
 * strings do as well: mediabunny then walks over a table's samples in memory, and a hostile table can claim four thousand
 * million of them. Colours, rate and true length are measured later, in a process of their own.
 */
async function describe(
  input: Input,
  family: ContainerFamily,
  movieMs: number | null,
  reader: MeteredReader,
  limits: MediaLimits,
): Promise<MediaFacts> {
  const container = containerOf((await input.getFormat()).name);
  const tracks = await input.getTracks();
  checkTracks(tracks.length);
  if (tracks.length === 0) throw new Rejection("corrupt", "it has no tracks: its index is missing or incomplete");
  const track = tracks.find((candidate) => candidate.isVideoTrack());
  if (track === undefined) throw new Rejection("no_video_track", "it has tracks, none of them video");
  const video = await describeVideo(track, limits);
  const audio = await describeAudio(tracks.filter((candidate) => candidate.isAudioTrack()));
  const durationMs = family === "mov" ? movieMs : await segmentDuration(input);
  if (durationMs !== null) checkDuration(durationMs, limits);
  const bitsPerSecond = durationMs === null ? null : Math.round((reader.size * 8000) / durationMs);
  const { bytesRead, size: sizeBytes } = reader;
  return { container, family, sizeBytes, durationMs, bitsPerSecond, video, audio, bytesRead };
}

async function segmentDuration(input: Input): Promise<number | null> {
  const seconds = await input.getDurationFromMetadata();
  return seconds === null || seconds <= 0 ? null : Math.round(seconds * 1000);
}

function containerOf(name: string): MediaFacts["container"] {
  const containers: Partial<Record<string, MediaFacts["container"]>> = {
    MP4: "mp4",
    "QuickTime File Format": "mov",
    WebM: "webm",
    Matroska: "matroska",
  };
  const container = containers[name];
  if (container === undefined) throw new Rejection("unsupported_format", `container ${name}`);
  return container;
}

async function describeVideo(track: InputVideoTrack, limits: MediaLimits): Promise<MediaFacts["video"]> {
  const named = await track.getCodec();
  const codec = videoCodecs.find((candidate) => candidate === named);
  if (codec === undefined) throw new Rejection("unsupported_format", `video codec ${await codecId(track)}`);
  const [width, height, displayWidth, displayHeight] = await Promise.all([
    track.getCodedWidth(),
    track.getCodedHeight(),
    track.getDisplayWidth(),
    track.getDisplayHeight(),
  ]);
  if (width < 2 || height < 2) throw new Rejection("corrupt", `a picture of ${width} x ${height} pixels`);
  checkPixels(width, height, limits);
  checkPixels(displayWidth, displayHeight, limits);
  return {
    codec,
    width,
    height,
    displayWidth,
    displayHeight,
    rotation: await track.getRotation(),
    mirrored: await track.getFlip(),
  };
}

/** The first that is known. One that is not known here may be to ffmpeg, which decides. */
async function describeAudio(tracks: InputAudioTrack[]): Promise<MediaFacts["audio"]> {
  const [first] = tracks;
  if (first === undefined) return null;
  for (const track of tracks) {
    const codec = await track.getCodec();
    if (codec !== null) return { codec };
  }
  return { codec: await codecId(first) };
}

async function codecId(track: InputAudioTrack | InputVideoTrack): Promise<string> {
  const id = await track.getInternalCodecId();
  return typeof id === "string" ? JSON.stringify(id.slice(0, 40)) : "unknown";
}
