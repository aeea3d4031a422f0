import type { WriteStream } from "node:tty";

type Out = Pick<NodeJS.WriteStream, "write"> & Partial<Pick<WriteStream, "isTTY">>;

const width = 30;

/** A bar on a terminal, and a line for every tenth elsewhere, where nothing can be written over. */
export class ProgressBar {
  readonly #what: string;
  readonly #total: number;
  readonly #out: Out;
  #told = -1;

  constructor(what: string, total: number, out: Out = process.stderr) {
    this.#what = what;
    this.#total = total;
    this.#out = out;
  }

  reach(done: number): void {
    const share = this.#total === 0 ? 1 : Math.min(1, done / this.#total);
    const step = this.#out.isTTY === true ? Math.floor(share * 100) : Math.floor(share * 10);
    if (step === this.#told) return;
    this.#told = step;
    const counts = `${Math.min(done, this.#total)} of ${this.#total}`;
    const percent = `${Math.floor(share * 100)} %`;
    if (this.#out.isTTY !== true) {
      this.#out.write(`${this.#what}: ${percent}, ${counts}\n`);
      return;
    }
    const full = Math.round(share * width);
    const bar = "█".repeat(full) + "░".repeat(width - full);
    this.#out.write(`\r${this.#what} ${bar} ${percent}, ${counts}${share === 1 ? "\n" : ""}`);
  }
}
