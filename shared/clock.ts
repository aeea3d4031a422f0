let clock = () => new Date();

/** The time, for every decision that depends on it. */
export function now(): Date {
  return clock();
}

/** Sets the time of this process. Without an argument the real one runs again. */
export function setClockForTests(read: () => Date = () => new Date()): void {
  clock = read;
}
