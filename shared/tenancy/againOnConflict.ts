import { isProblem } from "../web/problem.ts";

const tries = 4;

/** Does work that reads before it changes, and again where somebody else changed the same meanwhile. */
export async function againOnConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isProblem(error, "conflict") || attempt === tries) throw error;
    }
  }
}
