import { Type } from "@sinclair/typebox";
import { type Static, closed } from "../../shared/schema.ts";
import { meterNames } from "./meters.ts";

const Amount = Type.Number({ minimum: 0, maximum: 1e9 });
const Unknown = Type.Null();

/** What one unit of each meter costs, in one currency; null as long as nobody has looked it up. */
export const Prices = closed({
  currency: Type.Union([Type.String({ pattern: "^[A-Z]{3}$", maxLength: 3 }), Unknown]),
  /** Day on which the prices were looked up. */
  asOf: Type.Union([Type.String({ format: "date", maxLength: 10 }), Unknown]),
  prices: closed(Object.fromEntries(meterNames.map((name) => [name, Type.Union([Amount, Unknown])]))),
});
export type Prices = Static<typeof Prices>;

/** What people do in an environment, and what it makes the app do. */
const Usage = closed({
  surveysPerMonth: Amount,
  videosPerSurvey: Amount,
  minutesPerVideo: Amount,
  /** Of what a device records, and of what it is made into. */
  recordedMbPerMinute: Amount,
  preparedMbPerMinute: Amount,
  /** Months that a video is kept: storage is counted as it will be then. */
  monthsKept: Amount,
  viewsPerVideo: Amount,
  requestsPerSurvey: Amount,
  mailsPerSurvey: Amount,
  blobWritesPerVideo: Amount,
  blobReadsPerVideo: Amount,
  keyOperationsPerSurvey: Amount,
  databaseKbPerSurvey: Amount,
  /** How much of the most request units is used on average; a tenth is paid for in any case. */
  databaseShare: Type.Number({ minimum: 0.1, maximum: 1 }),
  logKbPerRequest: Amount,
  /** Hours of the worker's instances beyond those that are always ready. */
  scaledOutHours: Amount,
});
export type Usage = Static<typeof Usage>;

export const Usages = closed({ sandbox: Usage, staging: Usage, production: Usage });
export type Usages = Static<typeof Usages>;
