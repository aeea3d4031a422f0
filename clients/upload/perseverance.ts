/** Nothing got an answer that counts: it may go better another time. */
export class Lost extends Error {
  override readonly name = "Lost";
  /** For how long the other side asked to be left alone; nobody is heeded for longer than is enough. */
  readonly pauseMs: number;

  constructor(message: string, { pauseMs = 0, ...options }: ErrorOptions & { readonly pauseMs?: number } = {}) {
    super(message, options);
    this.pauseMs = pauseMs;
  }
}

/** Nothing got through for too long. The upload may be taken up again later, where it ended. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** Milliseconds. */
export interface Patience {
  /** Before the second try; then twice as long each time, up to `longestMs`, and a random part of that. */
  readonly pauseMs: number;
  readonly longestMs: number;
  /** Without anything that gets through, until {@link Unreachable}. */
  readonly enoughMs: number;
}

/** Minutes in a tunnel are bridged; longer ones are for a person to decide. */
const patient: Patience = { pauseMs: 500, longestMs: 30_000, enoughMs: 10 * 60_000 };

/** Goes on after what a network loses, and counts what that took. */
export class Perseverance {
  readonly #patience: Patience;
  #failures = 0;
  #lostSince: number | undefined;
  #retries = 0;
  #gaps = 0;
  #gapMs = 0;

  constructor(patience: Partial<Patience> = {}) {
    this.#patience = { ...patient, ...patience };
  }

  get counts() {
    return { retries: this.#retries, gaps: this.#gaps, gapMs: Math.round(this.#gapMs) };
  }

  /** Something got through. */
  succeeded(): void {
    this.#failures = 0;
    if (this.#lostSince === undefined) return;
    this.#gaps++;
    this.#gapMs += performance.now() - this.#lostSince;
    this.#lostSince = undefined;
  }

  /** Waits before the next try. Throws what is no {@link Lost}, and {@link Unreachable} where it has been enough. */
  async failed(error: unknown): Promise<void> {
    if (!(error instanceof Lost)) throw error;
    const { pauseMs, longestMs, enoughMs } = this.#patience;
    const now = performance.now();
    this.#lostSince ??= now;
    if (now - this.#lostSince > enoughMs) throw new Unreachable("nothing gets through", { cause: error });
    this.#retries++;
    // Many who lost the same network do not come back at the same moment.
    const pause = Math.min(pauseMs * 2 ** this.#failures++, longestMs) * (1 - share() / 2);
    const asked = Math.min(error.pauseMs, enoughMs);
    await new Promise((resolve) => setTimeout(resolve, Math.max(pause, asked)));
  }
}

/** A random number from 0 to below 1. */
function share(): number {
  const [drawn = 0] = crypto.getRandomValues(new Uint32Array(1));
  return drawn / 2 ** 32;
}
