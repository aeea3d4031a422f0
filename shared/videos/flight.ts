import { MIMEType } from "node:util";
import { Type } from "@sinclair/typebox";
import Bowser from "bowser";
import { Choice, List, type Static, Whole, closed, optional } from "../schema.ts";

/**
 * The flight recorder: what a device tells of a recording's way to us, and what we saw of it. All that a device tells is
 * optional, and none of it is free text.
 */

export const deviceKinds = ["phone", "tablet", "computer"] as const;
export const deviceSystems = ["android", "ios", "ipados", "macos", "windows", "linux", "chromeos", "other"] as const;
/** Browsers by their brand; `app` is an app that records by itself. */
export const deviceClients = [
  "app",
  "chrome",
  "edge",
  "firefox",
  "opera",
  "safari",
  "samsung_internet",
  "other",
] as const;
export const codecs = ["h264", "hevc", "vp8", "vp9", "av1", "aac", "opus", "vorbis", "pcm"] as const;
export type Codec = (typeof codecs)[number];

const Version = Type.String({ pattern: "^[0-9]{1,5}(?:\\.[0-9]{1,5}){0,2}$", maxLength: 17 });

const facts = {
  kind: optional(Choice(deviceKinds)),
  system: optional(Choice(deviceSystems)),
  systemVersion: optional(Version),
  client: optional(Choice(deviceClients, "The browser, or `app`")),
  clientVersion: optional(Version),
};

/** What is kept of a device. */
export const Device = closed(facts);
export type Device = Static<typeof Device>;

/** What a device says of itself. What it names counts more than what its User-Agent suggests. */
export const DeviceTold = closed(
  {
    ...facts,
    userAgent: optional(
      Type.String({
        pattern: "^[ !#-;=?-~]{1,512}$",
        maxLength: 512,
        description: "As the browser has it; not kept, but for brand, major version, system and kind",
      }),
    ),
  },
  "For the flight recorder; any of it may be left out",
);
export type DeviceTold = Static<typeof DeviceTold>;

export const Codecs = List(Choice(codecs), 4);

const dayMs = 86_400_000;
const maxCount = 100_000;

/** What a device counted while it sent; it may leave out what it does not know. */
export const Journal = closed(
  {
    retries: optional(Whole(0, maxCount, "Requests that had to be sent again")),
    resumes: optional(Whole(0, maxCount, "How often it asked what had arrived and went on from there")),
    gaps: optional(Whole(0, maxCount, "Times without a connection, or in which nothing got through")),
    gapMs: optional(Whole(0, 30 * dayMs, "Milliseconds of all gaps together")),
    sendingMs: optional(Whole(0, 30 * dayMs, "Milliseconds in which it was sending, without gaps and pauses")),
    waitedMs: optional(Whole(0, 3650 * dayMs, "Milliseconds from the end of the recording to the start of the upload")),
  },
  "What the device counted; any of it may be left out",
);
export type Journal = Static<typeof Journal>;

/** An upload went on: when its grant was renewed, and what had arrived by then. */
export interface Renewal {
  readonly at: string;
  readonly receivedBytes: number;
}

/** As it is stored with a video. */
export interface Flight {
  readonly device?: Device;
  /** As the recorder named them in the content type. */
  readonly codecs?: readonly Codec[];
  readonly renewals?: readonly Renewal[];
  readonly journal?: Journal;
  /** Of how many blocks we put the file together; absent where the device did, or sent it at once. */
  readonly blocks?: number;
}

/** What is known at the start of an upload. */
export function departure(told: DeviceTold | undefined, contentType: string): Flight {
  const device = told === undefined ? {} : deviceOf(told);
  const named = codecsOf(contentType);
  return {
    ...(Object.keys(device).length > 0 && { device }),
    ...(named.length > 0 && { codecs: named }),
  };
}

export const maxRenewals = 50;
const renewalMs = 30_000;

/**
 * The flight with one renewal more; undefined where it is none to be kept: nothing has arrived since the last one, which
 * is a device that only asks, or that was less than half a minute ago, or there are too many already.
 */
export function renewed(flight: Flight, startedAt: string, renewal: Renewal): Flight | undefined {
  const { renewals = [] } = flight;
  const last = renewals.at(-1) ?? { at: startedAt, receivedBytes: 0 };
  const tooSoon = Date.parse(renewal.at) - Date.parse(last.at) < renewalMs;
  if (tooSoon || renewal.receivedBytes === last.receivedBytes || renewals.length >= maxRenewals) return undefined;
  return { ...flight, renewals: [...renewals, renewal] };
}

const brands: Readonly<Record<string, Device["client"]>> = {
  Chrome: "chrome",
  "Microsoft Edge": "edge",
  Firefox: "firefox",
  Opera: "opera",
  Safari: "safari",
  "Samsung Internet for Android": "samsung_internet",
};
const systemNames: Readonly<Record<string, Device["system"]>> = {
  Android: "android",
  "Chrome OS": "chromeos",
  iOS: "ios",
  Linux: "linux",
  macOS: "macos",
  Windows: "windows",
};
const platforms: Readonly<Record<string, Device["kind"]>> = {
  desktop: "computer",
  mobile: "phone",
  tablet: "tablet",
};

/** The system's version is not taken from a User-Agent: browsers write the same one on every machine (Android 10, macOS 10.15.7). */
function deviceOf({ userAgent, ...named }: DeviceTold): Device {
  if (userAgent === undefined) return named;
  const { browser, os, platform } = Bowser.parse(userAgent);
  const kind = platforms[platform.type ?? ""];
  const system = systemNames[os.name ?? ""];
  const client = brands[browser.name ?? ""];
  const major = /^\d{1,5}/u.exec(browser.version ?? "")?.[0];
  return {
    ...(kind !== undefined && { kind }),
    ...(system !== undefined && { system }),
    ...(client !== undefined && { client, ...(major !== undefined && { clientVersion: major }) }),
    ...named,
  };
}

/** By how the names begin that media types have for them (RFC 6381). */
const codecNames: readonly (readonly [prefix: string, codec: Codec])[] = [
  ["avc", "h264"],
  ["h264", "h264"],
  ["hvc1", "hevc"],
  ["hev1", "hevc"],
  ["vp8", "vp8"],
  ["vp08", "vp8"],
  ["vp9", "vp9"],
  ["vp09", "vp9"],
  ["av01", "av1"],
  ["av1", "av1"],
  ["mp4a", "aac"],
  ["opus", "opus"],
  ["vorbis", "vorbis"],
  ["pcm", "pcm"],
];

/** `video/webm;codecs="vp09.00.10.08,opus"` is VP9 and Opus. */
function codecsOf(contentType: string): readonly Codec[] {
  const names = parameterOf(contentType, "codecs").toLowerCase().split(",", 4);
  const found = names.flatMap((name) => codecNames.find(([prefix]) => name.trim().startsWith(prefix))?.[1] ?? []);
  return [...new Set(found)];
}

function parameterOf(contentType: string, name: string): string {
  try {
    return new MIMEType(contentType).params.get(name) ?? "";
  } catch {
    return "";
  }
}
