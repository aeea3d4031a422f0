import { readFile } from "node:fs/promises";
import { deflateSync } from "node:zlib";
import { box, boxAt, withAdded, words } from "../../../scripts/clips/boxes.ts";
import { element, withFirstInSegment, withTrackElement } from "./elements.ts";
import { aac, draft, ffmpeg, h264, marked, picture, sound } from "../../../scripts/clips/making.ts";

/** What an attack tries to have opened: an address, and a file beside it. */
export interface Targets {
  readonly url: string;
  /** Path of a file in the folder that the attack lies in as well. */
  readonly file: string;
}

/** A file that is after something else than being watched. */
interface Attack {
  readonly make: (targets: Targets, clip: (name: string) => Promise<string>) => Buffer | Promise<Buffer> | string;
  /** Code of its rejection; none where it is a video as well, which is made playable without what was hidden in it. */
  readonly code?: "corrupt" | "no_video_track" | "too_large" | "too_short" | "unsupported_format";
  /** With these options before the input, a program that takes files as they come opens the target. */
  readonly opens?: { readonly target: keyof Targets; readonly by: readonly string[] };
}

const fileName = ({ file }: Targets) => file.split("/").at(-1) ?? "";
const anyProtocol = ["-protocol_whitelist", "file,http,tcp,crypto,data"];

/** Lists and pages that make a program open something else: none of them is a video, whatever its name says. */
const lists: Readonly<Record<string, Attack>> = {
  "playlist-address.mp4": {
    make: ({ url }) => `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n${url}/segment.ts\n#EXT-X-ENDLIST\n`,
    code: "unsupported_format",
    opens: { target: "url", by: [...anyProtocol, "-f", "hls"] },
  },
  "playlist-file.mp4": {
    make: ({ file }) => `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://${file}\n#EXT-X-ENDLIST\n`,
    code: "unsupported_format",
    opens: { target: "file", by: ["-f", "hls"] },
  },
  "playlist-key.mp4": {
    make: ({ url, file }) =>
      `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI="${url}/key"\n#EXTINF:5,\nfile://${file}\n#EXT-X-ENDLIST\n`,
    code: "unsupported_format",
    opens: { target: "url", by: [...anyProtocol, "-f", "hls"] },
  },
  "concat-file.mp4": {
    make: (targets) => `ffconcat version 1.0\nfile '${fileName(targets)}'\n`,
    code: "unsupported_format",
    opens: { target: "file", by: [] },
  },
  "concat-address.mp4": {
    make: ({ url }) => `ffconcat version 1.0\nfile '${url}/part.mp4'\n`,
    code: "unsupported_format",
    opens: { target: "url", by: [...anyProtocol, "-f", "concat", "-safe", "0"] },
  },
  "dash.mp4": {
    make: ({ url }) =>
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT5S" minBufferTime="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000" width="320" height="240" codecs="avc1.42E01E"><BaseURL>${url}/film.mp4</BaseURL><SegmentBase indexRange="0-99"/></Representation></AdaptationSet></Period></MPD>`,
    code: "unsupported_format",
    opens: { target: "url", by: [...anyProtocol, "-f", "dash"] },
  },
  "session-description.mp4": {
    make: () =>
      "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    code: "unsupported_format",
  },
  "drawing.mp4": {
    make: ({ url }) => `<svg xmlns="http://www.w3.org/2000/svg"><image href="${url}/picture.png"/></svg>`,
    code: "unsupported_format",
  },
  /** Begins as a playlist and goes on as a film. */
  "playlist-and-film.mp4": {
    make: async ({ url }, clip) =>
      Buffer.concat([
        Buffer.from(`#EXTM3U\n#EXTINF:5,\n${url}/segment.ts\n`),
        await readFile(await clip("h264-silent.mp4")),
      ]),
    code: "unsupported_format",
  },
};

/** QuickTime films whose media are said to be elsewhere. */
const references: Readonly<Record<string, Attack>> = {
  "reference-file.mov": {
    make: ({ file }, clip) => withReference(alias(file), clip),
    code: "corrupt",
    opens: { target: "file", by: ["-enable_drefs", "1", "-use_absolute_path", "1"] },
  },
  "reference-address.mov": {
    make: ({ url }, clip) => withReference(box("url ", words(0), `${url}/film.mov\0`), clip),
  },
  /** A film that is nothing but the address of another one (QuickTime File Format, 'Reference Movies'). */
  "reference-movie.mov": {
    make: ({ url }) => {
      const address = `${url}/film.mov\0`;
      const reference = box("rdrf", words(0), "url ", words(address.length), address);
      return Buffer.concat([box("ftyp", "qt  ", words(0), "qt  "), box("moov", box("rmra", box("rmda", reference)))]);
    },
    code: "corrupt",
  },
};

/** Files that are more, or less, than they seem, or that cost more than they should. */
const bombs: Readonly<Record<string, Attack>> = {
  "tag-in-front.mp4": {
    make: async (_, clip) => {
      const frame = Buffer.from("TXXX\0\0\0\u0010\0\0\0address\0x.test", "latin1");
      const head = Buffer.from([0x49, 0x44, 0x33, 3, 0, 0, 0, 0, 0, frame.length]);
      return Buffer.concat([head, frame, await readFile(await clip("h264-silent.mp4"))]);
    },
    code: "unsupported_format",
  },
  "archive-in-front.mp4": {
    make: (_, clip) => withInserted(clip, "PK\u0003\u0004\u0014\0"),
    code: "unsupported_format",
  },
  "document-in-front.mp4": {
    make: (_, clip) => withInserted(clip, "%PDF-1.7\n"),
    code: "unsupported_format",
  },
  "still.mp4": {
    make: () => Buffer.concat([box("ftyp", "heic", words(0), "mif1heic"), box("meta", words(0))]),
    code: "unsupported_format",
  },
  "cover-only.mp4": {
    make: async () => {
      await using cover = await draft("png");
      await using song = await draft("mp4");
      await ffmpeg(...picture(1), "-frames:v", "1", cover.path);
      const both = [...sound(2), "-i", cover.path, "-map", "0", "-map", "1", ...aac, "-c:v", "copy"];
      await ffmpeg(...both, "-disposition:v:0", "attached_pic", song.path);
      return await readFile(song.path);
    },
    code: "no_video_track",
  },
  "one-picture.mp4": {
    make: async () => {
      await using film = await draft("mp4");
      await ffmpeg(...marked(1, "320x240", 1), ...sound(5), "-frames:v", "1", ...h264, "-r", "25", ...aac, film.path);
      return await readFile(film.path);
    },
    code: "too_short",
  },
  "encrypted.mp4": {
    make: async () => {
      await using film = await draft("mp4");
      const key = [
        "-encryption_key",
        "76a6c65c5ea762046bd749a2e632ccbb",
        "-encryption_kid",
        "a7e61c373e219033c21091fa607bf3b8",
      ];
      await ffmpeg(...marked(1), ...h264, "-encryption_scheme", "cenc-aes-ctr", ...key, film.path);
      return await readFile(film.path);
    },
    code: "corrupt",
  },
  "encrypted.webm": {
    make: async (_, clip) => {
      const encryption = element("5035", element("47e1", Buffer.from([5])), element("47e2", Buffer.alloc(16, 7)));
      const coding = element(
        "6240",
        element("5031", Buffer.from([0])),
        element("5032", Buffer.from([1])),
        element("5033", Buffer.from([1])),
        encryption,
      );
      return withTrackElement(await readFile(await clip("recorder-vp8.webm")), element("6d80", coding));
    },
    code: "no_video_track",
  },
  /** Its index is compressed, to 64 MB of zeros. */
  "compressed-index.mov": {
    make: () => {
      const large = 64 * 1024 * 1024;
      const packed = box("cmvd", words(large), deflateSync(Buffer.alloc(large)));
      return Buffer.concat([
        box("ftyp", "qt  ", words(0), "qt  "),
        box("mdat", Buffer.alloc(1000)),
        box("moov", box("cmov", box("dcom", "zlib"), packed)),
      ]);
    },
    code: "corrupt",
  },
  "index-larger-than-the-file.mp4": {
    make: () =>
      Buffer.concat([
        box("ftyp", "isom", words(512), "isomiso2avc1mp41"),
        words(0x7fff_fff0),
        Buffer.from("moov"),
        Buffer.alloc(2000),
      ]),
    code: "corrupt",
  },
  "nested-boxes.mp4": {
    make: () => {
      const depth = 50_000;
      const heads = Buffer.alloc(depth * 8);
      for (let level = 0; level < depth; level++) {
        heads.writeUInt32BE(heads.length - level * 8, level * 8);
        heads.write(level === 0 ? "moov" : "trak", level * 8 + 4, "latin1");
      }
      return Buffer.concat([
        box("ftyp", "isom", words(512), "isomiso2avc1mp41"),
        heads,
        box("mdat", Buffer.alloc(100)),
      ]);
    },
    code: "corrupt",
  },
  "twenty-thousand-tracks.mp4": {
    make: async (_, clip) => {
      const film = await readFile(await clip("h264-silent.mp4"));
      const track = box("trak", boxAt(film, "moov/trak/tkhd"));
      return withAdded(film, "moov", Buffer.concat(Array.from({ length: 20_000 }, () => track)));
    },
    code: "unsupported_format",
  },
  /** Four thousand million samples of one byte in one chunk, in tables that are as short as can be. */
  "endless-samples.mp4": {
    make: async (_, clip) => {
      const film = await readFile(await clip("h264-silent.mp4"));
      const tables = "moov/trak/mdia/minf/stbl";
      boxAt(film, `${tables}/stsz`).writeUInt32BE(1, 12);
      boxAt(film, `${tables}/stsz`).writeUInt32BE(0xffff_ffff, 16);
      boxAt(film, `${tables}/stts`).writeUInt32BE(0xffff_ffff, 16);
      boxAt(film, `${tables}/stsc`).writeUInt32BE(0xffff_ffff, 20);
      return film;
    },
    code: "corrupt",
  },
  "no-time.mp4": {
    make: async (_, clip) => {
      const film = await readFile(await clip("h264-silent.mp4"));
      boxAt(film, "moov/mvhd").writeUInt32BE(0, 20);
      boxAt(film, "moov/trak/mdia/mdhd").writeUInt32BE(0, 20);
      return film;
    },
  },
  "nested-tags.mkv": {
    make: async (_, clip) => {
      let tags: Buffer = Buffer.alloc(0);
      for (let level = 0; level < 2000; level++) tags = element("67c8", tags);
      return withFirstInSegment(
        await readFile(await clip("recorder-vp8.webm")),
        element("1254c367", element("7373", tags)),
      );
    },
    code: "corrupt",
  },
  /** Says which files come before and after it (RFC 9559, 17.1), and a program is to play them as one. */
  "linked-segments.mkv": {
    make: async ({ file, url }, clip) => {
      const links = [
        element("3c83ab", Buffer.from(file)),
        element("3e83bb", Buffer.from(`${url}/next.mkv`)),
        element("3eb923", Buffer.alloc(16, 1)),
      ];
      const [uid, scale] = [element("73a4", Buffer.alloc(16, 2)), element("2ad7b1", Buffer.from([0x0f, 0x42, 0x40]))];
      return withFirstInSegment(
        await readFile(await clip("recorder-vp8.webm")),
        element("1549a966", uid, scale, ...links),
      );
    },
  },
};

export const attacks: Readonly<Record<string, Attack>> = { ...lists, ...references, ...bombs };

/** The film with another data reference (ISO/IEC 14496-12, 8.7.2) in the place of its own media. */
async function withReference(reference: Buffer, clip: (name: string) => Promise<string>): Promise<Buffer> {
  const film = await readFile(await clip("h264-silent.mp4"));
  boxAt(film, "moov/trak/mdia/minf/dinf/dref").write("free", 4, "latin1");
  return withAdded(film, "moov/trak/mdia/minf/dinf", box("dref", words(0, 1), reference));
}

/** A film with something else behind its first box, in one that readers skip. */
async function withInserted(clip: (name: string) => Promise<string>, content: string): Promise<Buffer> {
  const film = await readFile(await clip("h264-silent.mp4"));
  const end = film.readUInt32BE(0);
  return Buffer.concat([film.subarray(0, end), box("free", content), film.subarray(end)]);
}

/** A file by its absolute path, as QuickTime writes it: an alias record of the old Macintosh. */
function alias(file: string): Buffer {
  const name = (text: string, room: number) =>
    Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")], room);
  const path = Buffer.from(file, "latin1");
  const absolute = Buffer.concat([Buffer.from([0, 2, 0, path.length]), path, Buffer.alloc(path.length % 2)]);
  const levels = Buffer.from([0xff, 0xff, 0xff, 0xff]);
  return box(
    "alis",
    words(0),
    Buffer.alloc(10),
    name("disk", 28),
    Buffer.alloc(12),
    name("film.mov", 64),
    Buffer.alloc(16),
    levels,
    Buffer.alloc(16),
    absolute,
    Buffer.from([0xff, 0xff, 0, 0]),
  );
}
