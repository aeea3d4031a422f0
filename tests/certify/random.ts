import { createHash } from "node:crypto";

/** Numbers that the seed alone decides, so that a run can be repeated. */
export class Random {
  readonly #seed: string;
  #drawn = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    const hash = createHash("sha256").update(`${this.#seed} ${this.#drawn++}`).digest();
    return hash.readUInt32BE() % end;
  }

  /** At most `count` different ones of the items, in their order. */
  some<T>(items: readonly T[], count: number): readonly T[] {
    const places = items.map((_, at) => at);
    while (places.length > count) places.splice(this.below(places.length), 1);
    return items.filter((_, at) => places.includes(at));
  }
}
