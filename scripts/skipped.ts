/** Exit code of a check that could not run; its output is the reason. As GNU Automake, whose tests say 77. */
export const skipped = 77;
