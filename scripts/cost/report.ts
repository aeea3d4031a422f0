import type { Prices } from "./inputs.ts";
import { type Meter, meters } from "./meters.ts";
import type { Quantity } from "./quantities.ts";

/** A unit that is used and has no price, or how to say what prices are of. */
export function missing(used: readonly Quantity[], { currency, asOf, prices }: Prices): readonly string[] {
  const facts = [
    ...(currency === null ? ["currency: of all prices, such as EUR"] : []),
    ...(asOf === null ? ["asOf: the day on which they were looked up"] : []),
  ];
  const names = [...new Set(used.filter(({ meter }) => prices[meter] === null).map(({ meter }) => meter))];
  return [...facts, ...names.map((meter) => `prices.${meter}: ${meters[meter]}`)];
}

/** What so many units cost; undefined as long as a price is missing. */
export function costOf(used: readonly Quantity[], prices: Prices["prices"]): number | undefined {
  return used.reduce<number | undefined>((total, { meter, units }) => {
    const price = prices[meter];
    return total === undefined || price === null || price === undefined ? undefined : total + units * price;
  }, 0);
}

/** A table of what an environment uses, what that costs, and of both for each survey. */
export function report(name: string, used: readonly Quantity[], { currency, prices }: Prices, surveys: number): string {
  const rows = used.map((each) => [count(each.units), money(costOf([each], prices)), each.meter, told(each.meter)]);
  const total = costOf(used, prices);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(([units = "", cost = "", meter = "", what = ""]) =>
    [units.padStart(widths[0] ?? 0), cost.padStart(widths[1] ?? 0), meter.padEnd(widths[2] ?? 0), what].join("  "),
  );
  const each = total === undefined || surveys === 0 ? undefined : total / surveys;
  const sums = `${name}: ${money(total)} ${currency ?? ""} a month, ${money(each)} a survey`.replace("  ", " ");
  return [sums, ...lines.map((line) => `  ${line}`)].join("\n");
}

function told(meter: Meter): string {
  return meters[meter];
}

function count(units: number): string {
  return units.toLocaleString("en", { maximumFractionDigits: units < 10 ? 3 : 0 });
}

function money(amount: number | undefined): string {
  return amount === undefined
    ? "?"
    : amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
