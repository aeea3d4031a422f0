/** Something that was tried: by whom, with whose credential, on what. */
export interface Attempt {
  /** Function, or what was asked of the storage. */
  readonly operation: string;
  readonly caller: string;
  readonly credential: string;
  readonly target: string;
}

/** An attempt that ended otherwise than promised, exactly enough to do it again. */
export interface Violation extends Attempt {
  readonly expected: string;
  readonly got: string;
  /** Method and path; never a credential. */
  readonly request: string;
  readonly requestId?: string;
  /** Where to look first. */
  readonly control: string;
}

export interface Promised {
  readonly name: string;
  readonly title: string;
  /** What holds, in words for whoever trusts us with their data. */
  readonly promise: string;
  /** How that was attacked. */
  readonly how: string;
  /** The least of each count; with less, too little was tried to certify anything. */
  readonly minimums: Readonly<Record<string, number>>;
}

/** What was tried for one promise, and what came of it. */
export class Section {
  readonly promised: Promised;
  readonly violations: Violation[] = [];
  readonly #counts = new Map<string, number>();
  readonly #distinct = new Map<string, Set<string>>();

  constructor(promised: Promised) {
    this.promised = promised;
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /** Counts what differs only. */
  countDistinct(what: string, key: string): void {
    const keys = this.#distinct.get(what) ?? new Set();
    this.#distinct.set(what, keys.add(key));
  }

  violate(violation: Violation): void {
    this.violations.push(violation);
  }

  get counts(): Readonly<Record<string, number>> {
    const distinct = [...this.#distinct].map(([what, keys]): [string, number] => [what, keys.size]);
    return Object.fromEntries([...this.#counts, ...distinct]);
  }

  /** Counts that stay below their minimum, as sentences. */
  get missed(): readonly string[] {
    return Object.entries(this.promised.minimums)
      .map(([what, least]): [string, number, number] => [what, this.counts[what] ?? 0, least])
      .filter(([, count, least]) => count < least)
      .map(([what, count, least]) => `${what}: ${count}, and at least ${least} are needed`);
  }
}
