let aheadMs = 0;

const machine = Date;
const ahead = new Proxy(machine, {
  construct: (clock, parameters: unknown[], made) =>
    Reflect.construct(clock, parameters.length === 0 ? [clock.now() + aheadMs] : parameters, made) as Date,
  get: (clock, name, receiver) =>
    name === "now" ? () => clock.now() + aheadMs : (Reflect.get(clock, name, receiver) as unknown),
});

/** Sets the clock of this process ahead of the machine's, for all that asks for the time. Timers wait as long as ever. */
export function setClockAhead(milliseconds: number): void {
  aheadMs = milliseconds;
  globalThis.Date = ahead;
}
