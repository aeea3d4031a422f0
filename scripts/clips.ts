import { createHash } from "node:crypto";
import { access, copyFile, open, readFile, readdir, rename, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { eicar } from "../local/eicar.ts";
import { aac, cache, draft, ffmpeg, h264, hevc, picture, type Recipe, sound, vp8, vp9 } from "./clips/making.ts";
import { phoneRecipes } from "./clips/phones.ts";

/**
 * The recordings that tests need, honest and hostile, made from ffmpeg's own test sources and kept in `.cache/clips`.
 * `node scripts/clips.ts [name…]` makes them; with no name, all. Needs a full ffmpeg (x264, x265, vpx, opus) on the PATH.
 */

/** Where the playlists point. No name server knows it; tests put the address of their own canary in its place. */
export const canaryPlaceholder = "http://canary.invalid/segment.ts";

const recipes = {
  /** What an iPhone records: HEVC in QuickTime, held upright (a display matrix), with place and device in its tags. */
  "phone-hevc.mov": async (to) => {
    await using upright = await draft("mov");
    await ffmpeg(...picture(3), ...sound(3), ...hevc, "-pix_fmt", "yuv420p", ...aac, upright.path);
    await ffmpeg(
      ...["-i", upright.path, "-c", "copy", "-tag:v", "hvc1", "-metadata:s:v:0", "rotate=90"],
      ...["-movflags", "use_metadata_tags", "-metadata", "location=+52.5200+013.4050/"],
      ...["-metadata", "com.apple.quicktime.location.ISO6709=+52.5200+013.4050+034.000/"],
      ...["-metadata", "com.apple.quicktime.model=iPhone 15", to],
    );
  },
  "hdr-hevc.mov": (to) =>
    ffmpeg(
      ...[...picture(2), ...sound(2), "-vf"],
      "zscale=pin=bt709:tin=bt709:min=bt709:p=bt2020:t=smpte2084:m=2020_ncl:npl=200,format=yuv420p10le",
      ...[...hevc, "-x265-params", "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"],
      ...[...aac, to],
    ),
  /** H.264 and AAC with the index behind the media, as cameras write it, and with tags that must not survive. */
  "h264-index-last.mp4": (to) =>
    ffmpeg(...picture(4), ...sound(4), ...h264, ...aac, "-metadata", "location=+52.5200+013.4050/", to),
  "h264-index-first.mp4": (to) => ffmpeg(...picture(4), ...sound(4), ...h264, ...aac, "-movflags", "+faststart", to),
  "h264-silent.mp4": (to) => ffmpeg(...picture(2), ...h264, to),
  /** Black for three seconds, moving for three, standing still for four; sound for the first four seconds only. */
  "dark-and-still.mp4": (to) =>
    ffmpeg(
      ...["-f", "lavfi", "-i", "color=black:size=320x240:rate=25:duration=3", ...picture(3)],
      ...["-f", "lavfi", "-i", "color=gray:size=320x240:rate=25:duration=4", ...sound(4)],
      ...["-filter_complex", "[0][1][2]concat=n=3[v];[3]apad=whole_dur=10[a]", "-map", "[v]", "-map", "[a]"],
      ...[...h264, ...aac, to],
    ),
  /** Three minutes as we encode them ourselves: a key picture every two seconds. The last minute is black. */
  "three-minutes.mp4": (to) =>
    ffmpeg(
      ...["-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=120"],
      ...["-f", "lavfi", "-i", "color=black:size=160x120:rate=10:duration=60"],
      ...["-filter_complex", "[0][1]concat=n=2", "-force_key_frames", "expr:gte(t,n_forced*2)", ...h264, to],
    ),
  "h264-rotated.mp4": async (to) => {
    await ffmpeg("-i", await clip("h264-silent.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate=180", to);
  },
  "h264-422.mp4": (to) => ffmpeg(...picture(1), ...h264, "-pix_fmt", "yuv422p", to),
  "h264-wide-pixels.mp4": (to) => ffmpeg(...picture(1), ...h264, "-vf", "setsar=2", to),
  "vp9-in.mp4": (to) => ffmpeg(...picture(2), ...sound(2), ...vp9, "-c:a", "libopus", to),
  /** As a browser's MediaRecorder writes: through a pipe, so without a duration and without cues. */
  "recorder-vp8.webm": (to) => recorded(to, "webm", vp8),
  "recorder-vp9.webm": (to) => recorded(to, "webm", vp9),
  "recorder-h264.mkv": (to) => recorded(to, "matroska", h264),
  /** A phone turned while it records: the picture's size changes in the middle. */
  "recorder-turned.webm": async (to) => {
    await using wide = await draft("webm");
    await using tall = await draft("webm");
    await using list = await draft("txt");
    await ffmpeg(...picture(1), ...vp8, wide.path);
    await ffmpeg(...picture(1), "-vf", "transpose", ...vp8, tall.path);
    await writeFile(list.path, `file '${wide.path}'\nfile '${tall.path}'\n`);
    await ffmpeg("-f", "concat", "-safe", "0", "-i", list.path, "-c", "copy", to);
  },
  "ten-minutes-720p.mp4": async (to) => {
    await using part = await draft("mp4");
    await ffmpeg(
      ...["-f", "lavfi", "-i", "testsrc=size=1280x720:rate=25:duration=10", ...sound(10)],
      ...[...h264, "-crf", "30", ...aac, part.path],
    );
    await ffmpeg("-stream_loop", "59", "-i", part.path, "-c", "copy", to);
  },
  "two-hours.mp4": async (to) => {
    await using part = await draft("mp4");
    await ffmpeg("-f", "lavfi", "-i", "color=gray:size=64x48:rate=1:duration=60", ...h264, part.path);
    await ffmpeg("-stream_loop", "119", "-i", part.path, "-c", "copy", to);
  },
  /** Two hours that do not say so: no duration in the header. */
  "two-hours-unsaid.webm": async (to) => {
    await using part = await draft("webm");
    await ffmpeg("-f", "lavfi", "-i", "color=gray:size=64x48:rate=1:duration=60", ...vp8, part.path);
    const copy = ["-stream_loop", "119", "-i", part.path, "-c", "copy", "-f", "webm", "-live", "1", "pipe:1"];
    await writeFile(to, await ffmpeg(...copy));
  },
  "blink-black.mp4": (to) => ffmpeg("-f", "lavfi", "-i", "color=black:size=320x240:rate=25:duration=1", ...h264, to),
  "blink.mp4": (to) => ffmpeg(...picture(0.2), ...h264, to),
  "audio-only.mp4": (to) => ffmpeg(...sound(2), ...aac, to),
  "zero-bytes.mp4": (to) => writeFile(to, ""),
  "text.mp4": (to) => writeFile(to, "This is no video.\n".repeat(200)),
  "picture-png.mp4": (to) => ffmpeg(...picture(1), "-frames:v", "1", "-c:v", "png", "-f", "image2pipe", to),
  "picture-gif.mp4": (to) => ffmpeg(...picture(1), "-f", "gif", to),
  "playlist.mp4": (to) =>
    writeFile(to, `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${canaryPlaceholder}\n#EXT-X-ENDLIST\n`),
  "concat.mp4": async (to) => {
    await writeFile(to, `ffconcat version 1.0\nfile '${await clip("h264-silent.mp4")}'\n`);
  },
  /** The index is in the part that is missing. */
  "truncated-index-last.mp4": async (to) => {
    await writeFile(to, await part(await clip("h264-index-last.mp4"), 0.7));
  },
  /** The index promises media that is missing. */
  "truncated-index-first.mp4": async (to) => {
    await writeFile(to, await part(await clip("h264-index-first.mp4"), 0.7));
  },
  /** The container is whole; the pictures in it are noise. */
  "scrambled.mp4": async (to) => {
    await copyFile(await clip("h264-index-first.mp4"), to);
    const bytes = await readFile(to);
    const media = bytes.indexOf("mdat") + 4;
    for (let at = media + 2000; at < bytes.length; at += 7) bytes[at] = (at * 31) % 256;
    await writeFile(to, bytes);
  },
  "html-in-front.mp4": async (to) => {
    const page = Buffer.from("<html><script>alert(1)</script></html>\n");
    await writeFile(to, Buffer.concat([page, await readFile(await clip("h264-silent.mp4"))]));
  },
  /** A well-formed MP4 whose first box, by rights skipped, is a web page. */
  "html-in-box.mp4": async (to) => {
    const page = Buffer.from("<html><script>alert(1)</script></html>");
    const head = Buffer.alloc(8);
    head.writeUInt32BE(page.length + 8);
    head.write("free", 4);
    await writeFile(to, Buffer.concat([head, page, await readFile(await clip("h264-silent.mp4"))]));
  },
  "tail.mp4": async (to) => {
    const video = await readFile(await clip("h264-silent.mp4"));
    await writeFile(to, Buffer.concat([video, Buffer.from("PK\u0003\u0004 tail <script>alert(1)</script>")]));
  },
  /** A video that plays, with what every scanner finds behind it. */
  "eicar.mp4": async (to) => {
    await writeFile(to, Buffer.concat([await readFile(await clip("h264-silent.mp4")), Buffer.from(eicar)]));
  },
  /** 16000 x 16000 pixels in a few kilobytes, and a container that says so. */
  "pixel-bomb.webm": async (to) => {
    await writeFile(to, withSize(inflated(await readFile(await clip("square-vp8.webm")))));
  },
  /** The same pictures in a container that promises 320 x 320. */
  "pixel-bomb-unsaid.webm": async (to) => {
    await writeFile(to, inflated(await readFile(await clip("square-vp8.webm"))));
  },
  "square-vp8.webm": (to) => ffmpeg(...picture(1), "-vf", "scale=320:320", ...vp8, to),
  ...phoneRecipes,
} satisfies Record<string, Recipe>;

export type ClipName = keyof typeof recipes;

let version: Promise<string> | undefined;

/** Changes with this script and what it is made of. */
async function versionOfRecipes(): Promise<string> {
  const hash = createHash("sha256").update(await readFile(import.meta.filename));
  const folder = join(import.meta.dirname, "clips");
  for (const name of (await readdir(folder)).sort()) hash.update(await readFile(join(folder, name)));
  return hash.digest("hex").slice(0, 8);
}

const isClip = (name: string): name is ClipName => Object.hasOwn(recipes, name);

/** Path of the named recording, made when it is not there yet. Its name there changes with the recipes. */
export async function clip(name: ClipName): Promise<string> {
  const recipe: Recipe = recipes[name];
  const extension = extname(name);
  version ??= versionOfRecipes();
  const path = join(cache, `${name.slice(0, -extension.length)}-${await version}${extension}`);
  await access(path).catch(async () => {
    await using made = await draft(extension.slice(1));
    await recipe(made.path, clipNamed);
    await rename(made.path, path);
  });
  return path;
}

/** {@link clip} for those that know names as texts only. */
export async function clipNamed(name: string): Promise<string> {
  if (!isClip(name)) throw new Error(`there is no clip ${name}`);
  return await clip(name);
}

async function recorded(to: string, format: "webm" | "matroska", codec: string[]): Promise<void> {
  const live = ["-f", format, "-live", "1", "pipe:1"];
  await writeFile(to, await ffmpeg(...picture(3), ...sound(3), ...codec, "-c:a", "libopus", ...live));
}

async function part(path: string, share: number): Promise<Buffer> {
  await using file = await open(path);
  const { size } = await file.stat();
  const { buffer } = await file.read({ buffer: Buffer.alloc(Math.floor(size * share)) });
  return buffer;
}

const huge = 16_000;

/** Every VP8 key frame carries its size (RFC 6386, 9.1): 14 bits each after the start code 9d 01 2a. */
function inflated(webm: Buffer): Buffer {
  const startCode = Buffer.from([0x9d, 0x01, 0x2a]);
  for (let at = webm.indexOf(startCode); at >= 0; at = webm.indexOf(startCode, at + 3)) {
    webm.writeUInt16LE(huge, at + 3);
    webm.writeUInt16LE(huge, at + 5);
  }
  return webm;
}

/** PixelWidth (b0) and PixelHeight (ba) of the WebM track, which are 320 in two bytes (82). */
function withSize(webm: Buffer): Buffer {
  for (const id of [0xb0, 0xba]) webm.writeUInt16BE(huge, webm.indexOf(Buffer.from([id, 0x82, 0x01, 0x40])) + 2);
  return webm;
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !isClip(name));
  if (unknown.length > 0) {
    console.error(`No such clip: ${unknown.join(", ")}. There are: ${Object.keys(recipes).join(", ")}`);
    process.exitCode = 1;
  } else for (const name of wanted.length > 0 ? wanted : Object.keys(recipes)) console.log(await clipNamed(name));
}
