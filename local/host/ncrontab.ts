import { LocalError } from "../service.ts";

/** The sets of values that each field of an NCRONTAB expression allows. */
export interface Schedule {
  readonly seconds: ReadonlySet<number>;
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
}

interface Field {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const second: Field = { label: "second", min: 0, max: 59 };
const minute: Field = { label: "minute", min: 0, max: 59 };
const hour: Field = { label: "hour", min: 0, max: 23 };
const day: Field = { label: "day", min: 1, max: 31 };
const month: Field = {
  label: "month",
  min: 1,
  max: 12,
  names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const weekday: Field = { label: "weekday", min: 0, max: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/**
 * Parses `{second} {minute} {hour} {day} {month} {weekday}`, or five fields without the second, as NCrontab does: lists,
 * ranges, steps, English names. Throws {@link LocalError}.
 */
export function parseSchedule(expression: string): Schedule {
  const parts = expression.trim().split(/\s+/u);
  if (parts.length === 5) parts.unshift("0");
  if (parts.length !== 6) throw new LocalError(`"${expression}" is not an NCRONTAB expression of six fields.`);
  const parse = (index: number, field: Field) => parseField(parts[index] ?? "", field, expression);
  return {
    seconds: parse(0, second),
    minutes: parse(1, minute),
    hours: parse(2, hour),
    days: parse(3, day),
    months: parse(4, month),
    weekdays: parse(5, weekday),
  };
}

/** First time (UTC) after `after` that fits; day and weekday must both fit. Undefined if none comes within 30 years. */
export function nextOccurrence(schedule: Schedule, after: Date): Date | undefined {
  const date = new Date(Date.UTC(after.getUTCFullYear(), after.getUTCMonth(), after.getUTCDate()));
  const end = Date.UTC(after.getUTCFullYear() + 30, 0, 1);
  for (; date.getTime() < end; date.setUTCDate(date.getUTCDate() + 1)) {
    if (!schedule.months.has(date.getUTCMonth() + 1)) continue;
    if (!schedule.days.has(date.getUTCDate()) || !schedule.weekdays.has(date.getUTCDay())) continue;
    const time = firstTime(schedule, date.getTime(), after.getTime());
    if (time !== undefined) return new Date(time);
  }
  return undefined;
}

function firstTime({ hours, minutes, seconds }: Schedule, midnight: number, after: number): number | undefined {
  for (const h of hours) {
    if (midnight + (h + 1) * 3_600_000 <= after) continue;
    for (const m of minutes)
      for (const s of seconds) {
        const time = midnight + ((h * 60 + m) * 60 + s) * 1000;
        if (time > after) return time;
      }
  }
  return undefined;
}

/** Values in ascending order, on which {@link firstTime} relies. */
function parseField(text: string, field: Field, expression: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const [range = "", step, ...tooMany] = item.split("/");
    const [from = "", to, ...alsoTooMany] = range.split("-");
    if (tooMany.length + alsoTooMany.length > 0) throw invalid(field, expression);
    const every = step === undefined ? 1 : valueOf(step, { ...field, min: 1, names: [] }, expression);
    const first = range === "*" ? field.min : valueOf(from, field, expression);
    // "5/10" begins at 5 and goes to the end, as NCrontab reads it.
    const open = range === "*" || (to === undefined && step !== undefined);
    const last = open ? field.max : valueOf(to ?? from, field, expression);
    if (last < first) throw invalid(field, expression);
    for (let value = first; value <= last; value += every) values.add(value);
  }
  return new Set([...values].sort((a, b) => a - b));
}

function valueOf(text: string, field: Field, expression: string): number {
  const named = text.length < 3 ? -1 : (field.names?.indexOf(text.slice(0, 3).toLowerCase()) ?? -1);
  const numbered = /^\d{1,2}$/u.test(text) ? Number(text) : NaN;
  const value = named >= 0 ? named + field.min : numbered;
  if (!(value >= field.min && value <= field.max)) throw invalid(field, expression);
  return value;
}

function invalid(field: Field, expression: string): LocalError {
  return new LocalError(`The ${field.label} of the NCRONTAB expression "${expression}" is not valid.`);
}
