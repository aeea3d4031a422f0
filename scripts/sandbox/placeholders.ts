import { lazyResult } from "../../shared/lazy.ts";
import type { FileFacts } from "../../shared/media/hash.ts";
import type { Cue } from "../../shared/media/stills.ts";
import type { Stream } from "../../shared/media/stream.ts";
import { findTools } from "../../shared/media/tools.ts";
import { Reel } from "./placeholder/reel.ts";
import { type Shape, shapeOf } from "./placeholder/shape.ts";

/** What is known of a recording without having seen it; the shape is that of its video. */
export interface Wanted extends Shape {
  /**
   * Bytes. Nothing is made smaller than it is, and a stream, which is made where its size is known, no larger: its playlist
   * has to cover all of it.
   */
  readonly sizes: { readonly original: number; readonly video: number; readonly stream?: number };
}

/**
 * Files that stand in for those of a recording, until it is disposed of. Others may share them: they are only to be read.
 * The shape is that of the video as it was made.
 */
export interface Placeholder extends Shape, Disposable {
  readonly original: FileFacts;
  readonly video: FileFacts;
  readonly poster: FileFacts;
  readonly sprite: FileFacts & { readonly cues: readonly Cue[] };
  readonly stream?: Stream;
}

interface Kept {
  readonly reel: Reel;
  readonly holders: Set<Placeholder>;
}

/**
 * Makes placeholders for recordings: test bars, prepared by the product's own code. Those of the same duration and size of
 * picture share their files.
 */
export class Placeholders implements AsyncDisposable {
  readonly #folder: string;
  readonly #mostKept: number;
  readonly #tools = lazyResult(() => findTools());
  /** By shape, the least recently wanted first. */
  readonly #kept = new Map<string, Kept>();
  readonly #closing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  /**
   * In an existing folder, in which nothing is left in the end. So many shapes are kept there for recordings to come; one of
   * ten minutes takes some 2 MB for each class of size that is wanted of it, one of an hour 11 MB.
   */
  constructor(folder: string, mostKept = 100) {
    this.#folder = folder;
    this.#mostKept = mostKept;
  }

  /**
   * One at a time: each uses all cores. A wish that cannot be is fulfilled as far as possible. Throws MissingTool,
   * ToolFailure, and the signal's reason when aborted.
   */
  async make(wanted: Wanted, signal?: AbortSignal): Promise<Placeholder> {
    const either = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    const made = this.#last.then(() => this.#make(wanted, either));
    this.#last = made.catch(() => undefined);
    return await made;
  }

  async #make(wanted: Wanted, signal: AbortSignal): Promise<Placeholder> {
    signal.throwIfAborted();
    const { reel, holders } = await this.#reelOf(shapeOf(wanted), signal);
    const { video, poster, storyboard } = reel.prepared;
    const placeholder = {
      original: await reel.padded("original", wanted.sizes.original, signal),
      video: await reel.padded("video", wanted.sizes.video, signal),
      poster,
      sprite: storyboard,
      ...(wanted.sizes.stream !== undefined && { stream: await reel.stream(signal) }),
      durationMs: video.durationMs,
      width: video.width,
      height: video.height,
      [Symbol.dispose]: () => {
        holders.delete(placeholder);
      },
    };
    holders.add(placeholder);
    return placeholder;
  }

  async #reelOf(shape: Shape, signal: AbortSignal): Promise<Kept> {
    const name = `${shape.durationMs} ms, ${shape.width} x ${shape.height}`;
    const kept = this.#kept.get(name) ?? (await this.#makeReel(shape, signal));
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    return kept;
  }

  async #makeReel(shape: Shape, signal: AbortSignal): Promise<Kept> {
    const idle = [...this.#kept].filter(([, { holders }]) => holders.size === 0);
    for (const [name, { reel }] of idle.slice(0, Math.max(0, this.#kept.size + 1 - this.#mostKept))) {
      this.#kept.delete(name);
      await reel.remove();
    }
    return { reel: await Reel.make(shape, this.#folder, await this.#tools(), signal), holders: new Set() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("The placeholders are gone."));
    await this.#last;
    for (const { reel } of this.#kept.values()) await reel.remove();
    this.#kept.clear();
  }
}
