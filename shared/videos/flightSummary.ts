import type { Codec, Device, Journal, Renewal } from "./flight.ts";
import { maxRenewals } from "./flight.ts";
import type { VideoState } from "./video.ts";

/** What is known of a recording's way. Bytes and milliseconds. */
export interface FlightFacts {
  readonly state: VideoState;
  readonly size: number;
  readonly device?: Device;
  readonly codecs?: readonly Codec[];
  /** From start to arrival; absent until it arrived. */
  readonly durationMs?: number;
  readonly bytesPerSecond?: number;
  readonly renewals: readonly Renewal[];
  readonly journal?: Journal;
}

/** A recording's way in plain English, one sentence a line. */
export function flightSummary(facts: FlightFacts): readonly string[] {
  return [departed(facts), waited(facts), arrived(facts), gaps(facts), retries(facts), renewals(facts), speed(facts)]
    .flat()
    .filter((sentence) => sentence !== "");
}

const clientNames: Readonly<Record<NonNullable<Device["client"]>, string>> = {
  app: "an app",
  chrome: "Chrome",
  edge: "Edge",
  firefox: "Firefox",
  opera: "Opera",
  safari: "Safari",
  samsung_internet: "Samsung Internet",
  other: "another browser",
};
const systemNames: Readonly<Record<NonNullable<Device["system"]>, string>> = {
  android: "Android",
  ios: "iOS",
  ipados: "iPadOS",
  macos: "macOS",
  windows: "Windows",
  linux: "Linux",
  chromeos: "ChromeOS",
  other: "another system",
};
const codecNames: Readonly<Record<Codec, string>> = {
  h264: "H.264",
  hevc: "H.265",
  vp8: "VP8",
  vp9: "VP9",
  av1: "AV1",
  aac: "AAC",
  opus: "Opus",
  vorbis: "Vorbis",
  pcm: "PCM",
};

/** A recorder names its codecs; a file from the device's own camera was only sent with that browser. */
function departed({ device = {}, codecs = [] }: FlightFacts): string[] {
  const { client, system, kind } = device;
  const how = [
    ...(client === undefined ? [] : [`with ${clientNames[client]}`]),
    ...(system === undefined ? [] : [`on ${systemNames[system]}`]),
  ];
  if (how.length === 0 && kind !== undefined) how.push(`on a ${kind}`);
  const verb = codecs.length > 0 || client === "app" ? "Recorded" : "Sent";
  return [
    how.length === 0 ? "" : `${verb} ${how.join(" ")}.`,
    codecs.length === 0 ? "" : `The recorder calls it ${codecs.map((codec) => codecNames[codec]).join(" and ")}.`,
  ];
}

const mentionable = 60_000;

function waited({ journal: { waitedMs = 0 } = {} }: FlightFacts): string {
  return waitedMs < mentionable ? "" : `It waited ${duration(waitedMs)} on the device before the upload began.`;
}

function arrived({ state, durationMs, journal: { gaps } = {} }: FlightFacts): string {
  if (durationMs === undefined) {
    if (state === "upload_expired") return "The upload never arrived, and its time is over.";
    return state === "upload_cancelled" ? "The upload was given up." : "The upload has not arrived yet.";
  }
  const took = `took ${duration(durationMs)}`;
  if (gaps === undefined) return `The upload ${took}.`;
  return gaps === 0
    ? `The upload ${took}, without interruption.`
    : `The upload was interrupted ${times(gaps)} and ${took}.`;
}

function gaps({ journal: { gaps = 0, gapMs = 0 } = {} }: FlightFacts): string {
  return gaps === 0 || gapMs < 1000 ? "" : `For ${duration(gapMs)} nothing got through.`;
}

function retries({ journal: { retries = 0, resumes = 0 } = {} }: FlightFacts): string[] {
  const again = retries === 1 ? "One request" : `${retries} requests`;
  return [
    retries === 0 ? "" : `${again} had to be sent again.`,
    resumes === 0 ? "" : `The device asked ${times(resumes)} what had arrived, and went on from there.`,
  ];
}

function renewals({ renewals: seen, size }: FlightFacts): string {
  const last = seen.at(-1);
  if (last === undefined) return "";
  const share = Math.min(Math.floor((100 * last.receivedBytes) / size), 100);
  const often = seen.length < maxRenewals ? times(seen.length) : `at least ${times(seen.length)}`;
  return `We saw it go on ${often}, the last time with ${share} % there.`;
}

function speed({ bytesPerSecond = 0 }: FlightFacts): string {
  if (bytesPerSecond === 0) return "";
  const shown =
    bytesPerSecond < 100_000 ? `${Math.ceil(bytesPerSecond / 1000)} kB` : `${(bytesPerSecond / 1e6).toFixed(1)} MB`;
  return `It came at ${shown} a second on average.`;
}

function times(count: number): string {
  return ["never", "once", "twice"][count] ?? `${count} times`;
}

const units = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** The two largest units: `4 min 10 s`. */
function duration(ms: number): string {
  let seconds = Math.round(ms / 1000);
  if (seconds < 1) return "less than a second";
  const parts = units.flatMap(([unit, each]) => {
    const count = Math.floor(seconds / each);
    seconds -= count * each;
    return count === 0 ? [] : [`${count} ${unit}`];
  });
  return parts.slice(0, 2).join(" ");
}
