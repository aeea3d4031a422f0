import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ClipName, clip } from "../../scripts/clips.ts";
import { makeStream, withAddress } from "./stream.ts";
import { type Tools, findTools } from "./tools.ts";

let root: string;
let tools: Tools;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "callpilot-stream-"));
  tools = await findTools();
});
afterAll(() => rm(root, { recursive: true }));

async function packets(path: string): Promise<string[]> {
  const args = [
    "-v",
    "error",
    "-show_entries",
    "stream=codec_name,nb_read_packets",
    "-count_packets",
    "-of",
    "csv=p=0",
  ];
  const { stdout } = await promisify(execFile)(tools.ffprobe, [...args, path]);
  return stdout.split("\n").filter((line) => line !== "");
}

const streamOf = async (name: ClipName) =>
  makeStream({ path: await clip(name), workDir: await mkdtemp(join(root, "work-")), tools });

test.for<ClipName>(["three-minutes.mp4", "h264-index-first.mp4", "h264-silent.mp4", "blink.mp4"])(
  "%s has the same pictures and sound in parts as in one piece",
  async (name) => {
    const { playlist } = await streamOf(name);
    // A playlist shows its streams twice: as its programme's, and by themselves.
    expect(new Set(await packets(playlist.path))).toEqual(new Set(await packets(await clip(name))));
  },
);

test("a long video has parts of ten seconds, all in one file", async () => {
  const { playlist, media } = await streamOf("three-minutes.mp4");
  const text = await readFile(playlist.path, "utf8");
  expect(text.match(/#EXTINF:10\.0+,/gu)).toHaveLength(18);
  expect(new Set(text.split("\n").filter((line) => /^[^#]/u.test(line)))).toEqual(new Set(["stream.mp4"]));
  expect(media.path.endsWith("stream.mp4")).toBe(true);
});

test("an address replaces the file's name wherever the playlist names it, whatever it is made of", async () => {
  const text = '#EXT-X-MAP:URI="stream.mp4",BYTERANGE="8@0"\n#EXTINF:1,\nstream.mp4\n#EXTINF:1,\nstream.mp4\n';
  const url = "https://host/a/stream.mp4?sig=$&$1";
  expect(withAddress(text, url)).toBe(
    `#EXT-X-MAP:URI="${url}",BYTERANGE="8@0"\n#EXTINF:1,\n${url}\n#EXTINF:1,\n${url}\n`,
  );
  await expect(makeStream({ path: await clip("text.mp4"), workDir: root, tools })).rejects.toThrow("ffmpeg");
});
