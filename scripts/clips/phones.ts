import { readFile, writeFile } from "node:fs/promises";
import { box, turnBy, withAdded, words } from "./boxes.ts";
import { aac, draft, ffmpeg, h264, hevc, marked, picture, type Recipe, sound, vp8, vp9 } from "./making.ts";

/** What must be in nothing but the original: where, with what, when and by which program it was recorded. */
export const traces = {
  place: "+52.5200+013.4050/",
  make: "Tracefone",
  model: "Tracefone 15 Pro",
  date: "2024-05-06T07:08:09",
  software: "TraceOS 17.4",
  address: "http://trace.invalid/somewhere",
} as const;

const tags = [
  ...["-metadata", `location=${traces.place}`, "-metadata", `creation_time=${traces.date}Z`],
  ...[
    "-metadata",
    `make=${traces.make}`,
    "-metadata",
    `model=${traces.model}`,
    "-metadata",
    `comment=${traces.address}`,
  ],
];
const appleTags = [
  ...["-movflags", "use_metadata_tags", "-metadata", `com.apple.quicktime.location.ISO6709=${traces.place}`],
  ...["-metadata", `com.apple.quicktime.make=${traces.make}`, "-metadata", `com.apple.quicktime.model=${traces.model}`],
  ...["-metadata", `com.apple.quicktime.software=${traces.software}`],
  ...["-metadata", `com.apple.quicktime.creationdate=${traces.date}+0200`],
];

/** A text of QuickTime's user data: its length, language (English) and characters. */
const userText = (type: string, text: string) => box(type, Buffer.from([0, text.length, 0x15, 0xc7]), text);
const placeBox = userText("\u00a9xyz", traces.place);

/** XMP in a box of its own, as cameras and editors write it. */
const xmp = box(
  "uuid",
  Buffer.from("be7acfcb97a942e89c71999491e3afac", "hex"),
  `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description`,
  ` xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Make="${traces.make}" tiff:Model="${traces.model}"/></rdf:RDF></x:xmpmeta>`,
);

type Matrix = readonly [a: number, b: number, c: number, d: number];

/** A picture laid down as a sensor held in one of eight ways sees it, and the display matrix that makes it upright again. */
const turned =
  (matrix: Matrix, laid: string): Recipe =>
  async (to) => {
    await ffmpeg(...marked(1), "-vf", laid, ...h264, to);
    const film = await readFile(to);
    turnBy(film, matrix);
    await writeFile(to, film);
  };

/** What phones, cameras and other programs send, in all its oddity. All of it becomes a playable video. */
export const phoneRecipes = {
  "turned-0.mp4": turned([1, 0, 0, 1], "null"),
  "turned-90.mp4": turned([0, 1, -1, 0], "transpose=cclock"),
  "turned-180.mp4": turned([-1, 0, 0, -1], "hflip,vflip"),
  "turned-270.mp4": turned([0, -1, 1, 0], "transpose=clock"),
  "mirrored-0.mp4": turned([-1, 0, 0, 1], "hflip"),
  "mirrored-90.mp4": turned([0, 1, 1, 0], "transpose=cclock_flip"),
  "mirrored-180.mp4": turned([1, 0, 0, -1], "vflip"),
  "mirrored-270.mp4": turned([0, -1, -1, 0], "transpose=clock_flip"),
  /** An iPhone's, with everything that it can tell of its owner: tags, XMP, and a track that tells the place all along. */
  "phone-tagged.mov": async (to) => {
    await using film = await draft("mov");
    await using text = await draft("srt");
    await writeFile(text.path, `1\n00:00:00,000 --> 00:00:02,000\n${traces.place}\n`);
    await ffmpeg(
      ...marked(2),
      ...sound(2),
      "-i",
      text.path,
      ...hevc,
      "-pix_fmt",
      "yuv420p",
      ...aac,
      "-c:s",
      "mov_text",
      film.path,
    );
    await ffmpeg(
      ...["-i", film.path, "-map", "0", "-c", "copy", "-tag:v", "hvc1", "-timecode", "01:02:03:04"],
      ...[...appleTags, to],
    );
    const tagged = withAdded(await readFile(to), "moov", xmp);
    // What was a subtitle is a track of timed metadata (QuickTime, `mebx`) now.
    const described = tagged.indexOf("stsd", tagged.indexOf("gmhd"));
    tagged.write("mebx", described + 16, "latin1");
    await writeFile(to, tagged);
  },
  /** H.264 that is copied, not encoded again, with the same kinds of tags, a thumbnail and an encoder's notes. */
  "phone-tagged.mp4": async (to) => {
    await ffmpeg(...marked(2), ...sound(2), ...h264, ...aac, ...tags, to);
    const userData = box("udta", placeBox, userText("\u00a9mod", traces.model));
    await writeFile(to, withAdded(await readFile(to), "moov", userData, xmp));
  },
  /** An Android's: a 3GPP brand, held the other way round, with the place in both of the boxes that there are for it. */
  "android-270.3gp": async (to) => {
    await using flat = await draft("3gp");
    await ffmpeg(...marked(2), ...sound(2), "-vf", "transpose=clock", ...h264, ...aac, ...tags, "-f", "3gp", flat.path);
    const film = await readFile(flat.path);
    turnBy(film, [0, -1, 1, 0]);
    const role = Buffer.concat([
      words(0),
      Buffer.from([0x15, 0xc7]),
      Buffer.from("Home\0", "latin1"),
      Buffer.from([0]),
    ]);
    const loci = box("loci", role, words(0x000d_67ae, 0x0034_851e, 0x0022_0000), "earth\0\0");
    await writeFile(to, withAdded(film, "moov", box("udta", placeBox, loci)));
  },
  "slow-motion.mov": (to) =>
    ffmpeg(...marked(2, "320x240", 240), ...sound(2), ...hevc, "-pix_fmt", "yuv420p", ...aac, to),
  /** Pictures as they come: some tenths of a second apart, or a thousandth. */
  "variable-rate.mp4": (to) =>
    ffmpeg(
      ...marked(4, "320x240", 30),
      ...sound(4),
      "-vf",
      String.raw`select='lt(mod(n\,30)\,4)+eq(mod(n\,7)\,0)'`,
      "-fps_mode",
      "vfr",
      ...h264,
      ...aac,
      to,
    ),
  /** Cut on the phone: the first second is in the file, and the edit list hides it. */
  "edit-cut.mp4": async (to) => {
    await using whole = await draft("mp4");
    await ffmpeg(
      ...["-f", "lavfi", "-i", "color=red:size=320x240:rate=25:duration=1", ...marked(3), ...sound(4)],
      ...["-filter_complex", "[0][1]concat", ...h264, "-g", "200", "-sc_threshold", "0", ...aac, whole.path],
    );
    await ffmpeg("-ss", "1.2", "-i", whole.path, "-c", "copy", to);
  },
  /** The pictures begin half a second after the sound. */
  "edit-late.mp4": async (to) => {
    await using film = await draft("mp4");
    await ffmpeg(...marked(2), ...h264, film.path);
    await ffmpeg(
      "-itsoffset",
      "0.5",
      "-i",
      film.path,
      ...sound(3),
      "-map",
      "0:v",
      "-map",
      "1:a",
      "-c:v",
      "copy",
      ...aac,
      to,
    );
  },
  "odd-size.webm": (to) => ffmpeg(...marked(2, "853x479"), ...sound(2), ...vp8, "-c:a", "libopus", to),
  "odd-size-444.mp4": (to) => ffmpeg(...marked(1, "321x241"), ...h264, "-pix_fmt", "yuv444p", to),
  "portrait.webm": (to) => ffmpeg(...marked(2, "240x426"), ...sound(2), ...vp9, "-c:a", "libopus", to),
  "sound-mono.mp4": (to) => ffmpeg(...marked(2), ...sound(2), ...h264, ...aac, "-ac", "1", "-ar", "44100", to),
  "sound-48k.mp4": (to) => ffmpeg(...marked(2), ...sound(2), ...h264, ...aac, "-ac", "2", "-ar", "48000", to),
  "sound-surround.mov": (to) => ffmpeg(...marked(2), ...sound(2), ...h264, ...aac, "-ac", "6", to),
  "sound-uncompressed.mov": (to) => ffmpeg(...marked(2), ...sound(2), ...h264, "-c:a", "pcm_s16le", to),
  /** Speech as old phones code it: frames of 12 bytes behind one that tells their kind (RFC 4867, 5.3), 50 a second. */
  "sound-amr.3gp": async (to) => {
    await using speech = await draft("amr");
    const frame = Buffer.alloc(13);
    frame[0] = 0x04;
    await writeFile(speech.path, Buffer.concat([Buffer.from("#!AMR\n"), ...Array.from({ length: 100 }, () => frame)]));
    await ffmpeg(...marked(2), "-i", speech.path, ...h264, "-c:a", "copy", to);
  },
  "sound-longer.mp4": (to) => ffmpeg(...marked(2), ...sound(5), ...h264, ...aac, to),
  "sound-longer.webm": (to) => ffmpeg(...marked(2), ...sound(5), ...vp8, "-c:a", "libopus", to),
  "sound-shorter.mp4": (to) => ffmpeg(...marked(5), ...sound(1), ...h264, ...aac, to),
  /** As Safari's recorder writes MP4: in fragments, without a length. */
  "fragmented.mp4": (to) => inFragments(to, "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
  "smooth.ismv": (to) => inFragments(to, "-f", "ismv"),
  "dash.mp4": (to) => inFragments(to, "-movflags", "+dash+frag_keyframe+empty_moov", "-brand", "iso6"),
  "many-tracks.mp4": (to) =>
    ffmpeg(
      ...marked(2),
      ...picture(2),
      ...sound(2),
      ...["0", "1", "2", "2", "2", "2", "2", "2"].flatMap((track) => ["-map", track]),
      ...h264,
      ...aac,
      to,
    ),
  "attached-picture.mp4": async (to) => {
    await using film = await draft("mp4");
    await using cover = await draft("png");
    await ffmpeg(...marked(2), ...sound(2), ...h264, ...aac, film.path);
    await ffmpeg(...picture(1), "-frames:v", "1", cover.path);
    const both = ["-i", film.path, "-i", cover.path, "-map", "0", "-map", "1", "-c", "copy"];
    await ffmpeg(...both, "-disposition:v:1", "attached_pic", to);
  },
  "subtitles.mp4": async (to) => {
    await using text = await draft("srt");
    await writeFile(text.path, `1\n00:00:00,000 --> 00:00:02,000\n<a href="${traces.address}">${traces.address}</a>\n`);
    await ffmpeg(...marked(2), "-i", text.path, ...h264, "-c:s", "mov_text", to);
  },
  /** Matroska with what films have: a font, chapters, tags, and the names of the parts before and after it. */
  "film.mkv": async (to) => {
    await using font = await draft("ttf");
    await using chapters = await draft("txt");
    await writeFile(font.path, `${traces.address}\n`);
    await writeFile(
      chapters.path,
      `;FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=${traces.model}\n`,
    );
    await ffmpeg(
      ...[...marked(2), ...sound(2), "-i", chapters.path, "-map_chapters", "2", "-attach", font.path],
      ...["-metadata:s:t", "mimetype=application/x-truetype-font", ...h264, ...aac, ...tags, to],
    );
  },
  "av1.mp4": (to) =>
    ffmpeg(...marked(1), "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-pix_fmt", "yuv420p", to),
  "hdr-hlg.mov": (to) => hdr(to, "arib-std-b67"),
  "hdr-pq.mov": (to) => hdr(to, "smpte2084"),
  "free-boxes.mp4": async (to, clip) => {
    const film = await readFile(await clip("h264-silent.mp4"));
    await writeFile(to, Buffer.concat([film, box("free", Buffer.alloc(1000, 1)), box("skip", "x".repeat(1000))]));
  },
} satisfies Record<string, Recipe>;

/** The marks in fragments of a second, put together as the options say. */
function inFragments(to: string, ...options: readonly string[]): Promise<unknown> {
  return ffmpeg(...marked(3), ...sound(3), ...h264, "-g", "25", ...aac, ...options, to);
}

/** The marks as an HDR picture in which white is as bright as ITU-R BT.2408 has it. */
async function hdr(to: string, transfer: "arib-std-b67" | "smpte2084"): Promise<void> {
  const light = `pin=bt709:tin=bt709:min=bt709:p=bt2020:t=${transfer}:m=2020_ncl:npl=203`;
  const told = `log-level=error:colorprim=bt2020:transfer=${transfer}:colormatrix=bt2020nc`;
  await ffmpeg(
    ...[...marked(1), "-vf", `format=yuv444p,scale=out_color_matrix=bt709,zscale=${light},format=yuv420p10le`],
    ...[...hevc, "-x265-params", told, to],
  );
}
