import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type ComponentKind, components } from "./components.ts";
import { run } from "./debian.ts";

/** How ffmpeg lists what it has of a kind, and where a name stands in a line of that list. */
const lists: Readonly<Record<Exclude<ComponentKind, "parser">, { option: string; name: RegExp }>> = {
  protocol: { option: "-protocols", name: /^ {2}(\w+)$/u },
  demuxer: { option: "-demuxers", name: /^ D. +([\w,]+) /u },
  muxer: { option: "-muxers", name: /^ .E +([\w,]+) /u },
  decoder: { option: "-decoders", name: /^ [VAS][.FSXBD]{5} (\w+) /u },
  encoder: { option: "-encoders", name: /^ [VAS][.FSXBD]{5} (\w+) /u },
  bsf: { option: "-bsfs", name: /^(\w+)$/u },
  filter: { option: "-filters", name: /^ [.TSC]{3} (\w+) /u },
};

/** What comes along by itself: other names of the same, muxers that HLS writes with, the ends of a graph. */
const brought: Partial<Record<ComponentKind, readonly string[]>> = {
  demuxer: ["webm", "mp4", "m4a", "3gp", "3g2", "mj2"],
  muxer: ["adts", "latm", "mpegts"],
  filter: ["abuffer", "buffer", "abuffersink", "buffersink"],
};

/** Muxers that ffmpeg lists by another name than its configuration has for them. */
const listed: Readonly<Record<string, string>> = { pcm_s16le: "s16le", pcm_f32le: "f32le" };

/**
 * Checks what was built: both programs are static, run at random addresses, and have exactly what was asked for. Gives
 * one line about them; throws what is missing, or too much.
 */
export async function verifyTools(folder: string): Promise<string> {
  const ffmpeg = join(folder, "ffmpeg");
  const wrong: string[] = [];
  for (const [kind, { option, name }] of Object.entries(lists) as [keyof typeof lists, (typeof lists)["filter"]][]) {
    const output = await run(ffmpeg, ["-hide_banner", "-v", "error", option]);
    const found = new Set(output.split("\n").flatMap((line) => name.exec(line)?.[1]?.split(",") ?? []));
    const asked = components[kind].map((word) => (kind === "muxer" ? (listed[word] ?? word) : word));
    const missing = asked.filter((word) => !found.has(word));
    if (missing.length > 0) wrong.push(`${kind} missing: ${missing.join(", ")}`);
    const expected: readonly string[] = [...asked, ...(brought[kind] ?? [])];
    const extra = [...found].filter((word) => !expected.includes(word));
    if (extra.length > 0) wrong.push(`${kind} not asked for: ${extra.join(", ")}`);
  }
  for (const program of ["ffmpeg", "ffprobe"]) {
    const headers = await run("readelf", ["-hlW", join(folder, program)]);
    if (headers.includes("INTERP")) wrong.push(`${program} is not static`);
    if (!/Type: +DYN/u.test(headers)) wrong.push(`${program} is not position-independent`);
    if (!headers.includes("GNU_RELRO")) wrong.push(`${program} has no read-only relocations`);
  }
  if (wrong.length > 0) throw new Error(`What was built is not what was asked for.\n${wrong.join("\n")}`);
  const sizes = await Promise.all(["ffmpeg", "ffprobe"].map(async (name) => (await stat(join(folder, name))).size));
  const [version = ""] = (await run(ffmpeg, ["-version"])).split("\n");
  return `${version.split(" ").slice(0, 3).join(" ")}, ${sizes.map((size) => (size / 1e6).toFixed(1)).join(" and ")} MB`;
}
