import type { Estate } from "./estate.ts";
import type { Usage } from "./inputs.ts";
import { type Meter, meterNames } from "./meters.ts";

/** So many units of a meter in a month. */
export interface Quantity {
  readonly meter: Meter;
  readonly units: number;
}

const hoursPerMonth = 730;
const mbPerGb = 1024;
const kbPerGb = 1024 ** 2;
/** Longest pause between two looks at an empty queue (`maxPollingInterval` of host.json). */
const pollSeconds = 5;
/** A line about a request to storage in the workspace; the storage service writes one for each look at a queue, too. */
const storageLineKb = 1;
const freeLogDays = 31;

/** What an environment uses of each meter in a month, once as many videos are kept as will be. */
export function quantities(estate: Estate, usage: Usage): readonly Quantity[] {
  const videos = usage.surveysPerMonth * usage.videosPerSurvey;
  const recordedGb = (videos * usage.minutesPerVideo * usage.recordedMbPerMinute) / mbPerGb;
  const preparedGb = (videos * usage.minutesPerVideo * usage.preparedMbPerMinute) / mbPerGb;
  const documentGb = (usage.surveysPerMonth * usage.databaseKbPerSurvey * usage.monthsKept) / kbPerGb;
  const requests = usage.surveysPerMonth * usage.requestsPerSurvey;
  const writes = videos * usage.blobWritesPerVideo;
  const reads = videos * usage.blobReadsPerVideo;
  const polls = (estate.queues * estate.plans.worker.instances * hoursPerMonth * 3600) / pollSeconds;
  const logGb = (requests * usage.logKbPerRequest + (writes + reads + polls) * storageLineKb) / kbPerGb;
  const monthsOfLogs = Math.max(0, estate.logDays - freeLogDays) / (365 / 12);

  const used: Partial<Record<Meter, number>> = {
    databaseRequestUnits: (estate.maxRequestUnits / 100) * usage.databaseShare * hoursPerMonth,
    databaseGb: documentGb,
    databaseBackupGb: documentGb,
    [`blobGb${estate.redundancy}`]: (recordedGb + preparedGb) * usage.monthsKept,
    blobWrites: writes / 10_000,
    blobReads: reads / 10_000,
    queueOperations: polls / 10_000,
    // The upload, its copy that nobody else can write, and what is made of it.
    scannedGb: estate.isScanned ? 2 * recordedGb + preparedGb : 0,
    scannedAccount: estate.isScanned ? 1 : 0,
    trafficGb: preparedGb * usage.viewsPerVideo,
    logGb,
    logKeptGb: logGb * monthsOfLogs,
    logAlert: estate.logAlerts,
    metricAlert: estate.metricAlerts,
    keyOperations: (usage.surveysPerMonth * usage.keyOperationsPerSurvey) / 10_000,
    mails: (usage.surveysPerMonth * usage.mailsPerSurvey) / 1_000,
    // A manifest and, where there is a scanner, its result for each copy.
    events: (videos * (estate.isScanned ? 2 : 1)) / 1_000_000,
    privateAddressHour: estate.privateAddresses * hoursPerMonth,
    privateZone: estate.privateZones,
    ...planHours(estate, usage),
  };
  return meterNames.flatMap((meter) => {
    const units = used[meter] ?? 0;
    return units > 0 ? [{ meter, units }] : [];
  });
}

/** Hours of instances; what exceeds those that are always ready is the worker's, which ffmpeg keeps busy. */
function planHours({ plans: { api, worker } }: Estate, { scaledOutHours }: Usage): Partial<Record<Meter, number>> {
  const apiHours = api.instances * hoursPerMonth;
  const workerHours = worker.instances * hoursPerMonth + scaledOutHours;
  return api.sku === worker.sku
    ? { [`planHour${api.sku}`]: apiHours + workerHours }
    : { [`planHour${api.sku}`]: apiHours, [`planHour${worker.sku}`]: workerHours };
}
