import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserClip, browserClipNames } from "../../scripts/browserClip.ts";
import { type ClipName, clip } from "../../scripts/clips.ts";
import { marks } from "../../scripts/clips/making.ts";
import { traces } from "../../scripts/clips/phones.ts";
import type { Prepared } from "../../shared/media/prepare.ts";
import { type Stream, makeStream } from "../../shared/media/stream.ts";
import { findTools } from "../../shared/media/tools.ts";
import { type Finding, findingsIn } from "../support/exiftool.ts";
import { type Played, Player } from "../support/player.ts";
import { Preparations, settleAll } from "../support/preparations.ts";

/** What is known of a film beforehand: its size as it is shown, and how long it plays. */
type Expected = readonly [width: number, height: number, seconds: number];

/** All of them show {@link marks}. */
const marked = {
  "turned-0.mp4": [320, 240, 1],
  "turned-90.mp4": [320, 240, 1],
  "turned-180.mp4": [320, 240, 1],
  "turned-270.mp4": [320, 240, 1],
  "mirrored-0.mp4": [320, 240, 1],
  "mirrored-90.mp4": [320, 240, 1],
  "mirrored-180.mp4": [320, 240, 1],
  "mirrored-270.mp4": [320, 240, 1],
  "phone-tagged.mov": [320, 240, 2],
  "phone-tagged.mp4": [320, 240, 2],
  "android-270.3gp": [320, 240, 2],
  "slow-motion.mov": [320, 240, 2],
  "variable-rate.mp4": [320, 240, 4],
  "edit-cut.mp4": [320, 240, 2.8],
  "edit-late.mp4": [320, 240, 3],
  "odd-size.webm": [854, 480, 2],
  "odd-size-444.mp4": [322, 242, 1],
  "portrait.webm": [240, 426, 2],
  "sound-mono.mp4": [320, 240, 2],
  "sound-48k.mp4": [320, 240, 2],
  "sound-surround.mov": [320, 240, 2],
  "sound-uncompressed.mov": [320, 240, 2],
  "sound-amr.3gp": [320, 240, 2],
  "sound-longer.mp4": [320, 240, 5],
  "sound-longer.webm": [320, 240, 5],
  "sound-shorter.mp4": [320, 240, 5],
  "fragmented.mp4": [320, 240, 3],
  "smooth.ismv": [320, 240, 3],
  "dash.mp4": [320, 240, 3],
  "many-tracks.mp4": [320, 240, 2],
  "attached-picture.mp4": [320, 240, 2],
  "subtitles.mp4": [320, 240, 2],
  "film.mkv": [320, 240, 2],
  "av1.mp4": [320, 240, 1],
  "hdr-hlg.mov": [320, 240, 1],
  "hdr-pq.mov": [320, 240, 1],
} satisfies Partial<Record<ClipName, Expected>>;
const others = {
  "hdr-hevc.mov": [320, 240, 2],
  "vp9-in.mp4": [320, 240, 2],
  "recorder-turned.webm": [320, 240, 2],
  "free-boxes.mp4": [320, 240, 2],
} satisfies Partial<Record<ClipName, Expected>>;
const films = { ...marked, ...others } as const;
const filmNames = Object.keys(films) as (keyof typeof films)[];
const markedNames = Object.keys(marked) as (keyof typeof marked)[];

interface Shown {
  readonly original: string;
  readonly prepared: Prepared;
  readonly stream: Stream;
  readonly played: Played;
}
type Name = (typeof browserClipNames)[number] | keyof typeof films;

let preparations: Preparations;
let player: Player;
let shown: ReadonlyMap<Name, PromiseSettledResult<Shown>>;
let found: ReadonlyMap<string, readonly Finding[]>;

const isFilm = (name: Name): name is keyof typeof films => Object.hasOwn(films, name);

beforeAll(async () => {
  preparations = await Preparations.start();
  player = await Player.start();
  // Each ffmpeg uses the other cores.
  shown = await settleAll<Name, Shown>([...filmNames, ...browserClipNames], 3, async (name) => {
    const original = isFilm(name) ? await clip(name) : await browserClip(name);
    const prepared = await preparations.prepare(original);
    const { path } = prepared.video;
    const stream = await makeStream({ path, workDir: dirname(path), tools: await findTools() });
    return { original, prepared, stream, played: await player.play(path) };
  });
  const files = [...shown.values()].flatMap((result) => (result.status === "fulfilled" ? filesOf(result.value) : []));
  found = await findingsIn(files);
}, 300_000);

afterAll(async () => {
  await player[Symbol.asyncDispose]();
  await preparations[Symbol.asyncDispose]();
});

/** ffmpeg's HLS muxer passes no bitexact flag on to the muxer of the parts, which then names itself. */
const ofTheMuxer = ({ group, name, value }: Finding) =>
  group === "ItemList" && name === "Encoder" && value.startsWith("Lavf");

/** The original and all that was made of it. */
function filesOf({ original, prepared: { video, poster, storyboard }, stream: { media } }: Shown): string[] {
  return [original, video.path, poster.path, storyboard.path, media.path];
}

function filmOf(name: Name): Shown {
  const result = shown.get(name);
  if (result === undefined) throw new Error(`${name} was not tried`);
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

/** Two pictures of 25 a second. */
const twoPictures = 0.08;

describe("Chromium plays what was made of every device's recording, in its size and to its end", () => {
  test.for(filmNames)("%s", (name) => {
    const { prepared, played } = filmOf(name);
    const [width, height, seconds] = films[name];
    expect(played).toMatchObject({ width, height });
    expect(Math.abs(played.duration - seconds), `${played.duration} s`).toBeLessThanOrEqual(twoPictures);
    expect(Math.abs(played.duration - prepared.video.durationMs / 1000)).toBeLessThanOrEqual(twoPictures);
    expect(Math.abs(played.endedAt - played.duration)).toBeLessThanOrEqual(twoPictures);
  });
});

/** Of 255: colours lose some of their strength in 4:2:0 and in HDR, the grey in the middle nothing. */
const tolerance = { corner: 60, middle: 10 };

describe("the marks in its corners are where they were recorded and as bright, however the device was held", () => {
  test.for(markedNames)("%s", (name) => {
    const { colours } = filmOf(name).played;
    for (const place of Object.keys(marks) as (keyof typeof marks)[])
      colours[place].forEach((value, channel) => {
        const off = Math.abs(value - (marks[place][channel] ?? 0));
        expect(off, `${place}: ${colours[place].join()}`).toBeLessThan(
          place === "middle" ? tolerance.middle : tolerance.corner,
        );
      });
  });
});

describe("Chromium plays what was made of its own recordings, which do not say how long they are", () => {
  test.for(browserClipNames)("%s", (name) => {
    const { prepared, played } = filmOf(name);
    expect(played).toMatchObject({ width: 640, height: 480 });
    expect(played.duration).toBeGreaterThan(2);
    expect(Math.abs(played.duration - prepared.video.durationMs / 1000)).toBeLessThanOrEqual(twoPictures);
    // The fake camera shows green, with a clock and a figure that turns.
    const [red, green, blue] = played.colours.bottomLeft;
    expect([red < 40, green > 100, blue < 40]).toEqual([true, true, true]);
  });
});

const aboutTheDevice =
  /gps|location|coordinate|make$|model|software|author|artist|creator|comment|title|uuid|serial|lens|owner|xmp|encoder|timecode/iu;
const ourGroups = ["File", "QuickTime", "Track1", "Track2", "Composite", "JFIF"];

test("exiftool finds place, make, model, date, software and XMP in the originals", () => {
  const names = (["phone-tagged.mov", "phone-tagged.mp4", "android-270.3gp"] as const).flatMap((name) =>
    (found.get(filmOf(name).original) ?? []).map(({ name: tag, value }) => `${tag}=${value}`),
  );
  for (const tag of ["GPSCoordinates", "LocationInformation", "Make", "Model", "Software", "CreationDate", "Timecode"])
    expect(
      names.filter((each) => each.toLowerCase().startsWith(tag.toLowerCase())),
      tag,
    ).not.toEqual([]);
});

describe("exiftool finds nothing of device, place and time in what is made for reviewers", () => {
  test.for([...filmNames, ...browserClipNames])("%s", async (name) => {
    const [, ...made] = filesOf(filmOf(name));
    for (const file of made) {
      const findings = (found.get(file) ?? []).filter(
        (finding) => !(file.endsWith("stream.mp4") && ofTheMuxer(finding)),
      );
      expect(findings.length).toBeGreaterThan(5);
      expect(findings.filter(({ group }) => !ourGroups.includes(group))).toEqual([]);
      expect(findings.filter(({ name: tag }) => aboutTheDevice.test(tag))).toEqual([]);
      const dates = findings.filter(({ name: tag }) => /date$/iu.test(tag)).map(({ value }) => value);
      expect(dates.filter((value) => value !== "0000:00:00 00:00:00")).toEqual([]);
      const content = (await readFile(file)).toString("latin1");
      for (const trace of [...Object.values(traces), "x264 - core"]) expect(content).not.toContain(trace);
    }
  });
});
