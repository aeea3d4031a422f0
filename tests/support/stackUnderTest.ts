import type { StackDescription } from "./stack.ts";

let running: StackDescription | undefined;

/** Says which stack the helpers of this folder talk to, once per process: vitest's set-up does, and programs of their own. */
export function useStack(stack: StackDescription): void {
  running = stack;
}

/** The stack that this process tests. Throws where nobody has said which. */
export function stackUnderTest(): StackDescription {
  if (running === undefined) throw new TypeError("useStack() has to run before anything is sent to the stack.");
  return running;
}
