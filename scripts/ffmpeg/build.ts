import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hashFile } from "../../shared/media/hash.ts";
import { components, licences } from "./components.ts";
import { fetchSources, installPackages, release, run, unpackSource, versionOf } from "./debian.ts";
import { verifyTools } from "./verify.ts";

/**
 * Builds ffmpeg and ffprobe as two static programs without network, playlists and devices, and leaves them in `folder`
 * with `build.json` and the sources that they were made of. The folder is replaced as a whole, once everything is
 * verified. Throws Unbuildable where this machine cannot.
 */
export async function buildTools(folder: string): Promise<void> {
  const codename = await release();
  await installPackages();
  const work = await mkdtemp(join(tmpdir(), "callpilot-ffmpeg-"));
  try {
    console.log(`Fetching the sources of Debian ${codename} …`);
    // Of x264 and zimg Debian's static libraries are taken as they are; their sources are kept for the licence's sake.
    await fetchSources(["ffmpeg", "dav1d", "x264", "zimg"], codename, work);
    const dav1d = await unpackSource("dav1d", work);
    const ffmpeg = await unpackSource("ffmpeg", work);
    console.log("Building dav1d …");
    const prefix = join(work, "prefix");
    await buildDav1d(dav1d, prefix);
    console.log("Building ffmpeg …");
    await buildFfmpeg(ffmpeg, prefix);
    const made = join(work, "made");
    await mkdir(made);
    for (const name of ["ffmpeg", "ffprobe"]) await copyFile(join(ffmpeg, name), join(made, name));
    console.log(await verifyTools(made));
    await rename(join(work, "sources"), join(made, "sources"));
    await writeFile(join(made, "build.json"), JSON.stringify(await facts(codename, made), null, 2) + "\n");
    await rm(folder, { recursive: true, force: true });
    await mkdir(dirname(folder), { recursive: true });
    await run("cp", ["-a", made, folder]);
    console.log(folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Debian has it as a shared library only. */
async function buildDav1d(source: string, prefix: string): Promise<void> {
  const options = ["--default-library=static", "--buildtype=release", "-Db_staticpic=true", "-Denable_tools=false"];
  const args = ["setup", "made", ...options, "-Denable_tests=false", `--prefix=${prefix}`, "--libdir=lib"];
  await run("meson", args, { cwd: source });
  await run("nice", ["ninja", "-C", "made", "install"], { cwd: source });
}

/** What a distribution compiles a program with that reads what strangers send. */
const hardening = [
  ...["-O2", "-fPIE", "-fstack-protector-strong", "-fstack-clash-protection", "-D_FORTIFY_SOURCE=2"],
  ...(process.arch === "x64" ? ["-fcf-protection"] : ["-mbranch-protection=standard"]),
];

async function buildFfmpeg(source: string, prefix: string): Promise<void> {
  const options = [
    ...["--disable-everything", "--disable-autodetect", "--disable-network", "--disable-avdevice"],
    ...["--disable-doc", "--disable-debug", "--disable-ffplay", "--disable-shared", "--enable-static", "--enable-pic"],
    ...["--enable-gpl", "--enable-pthreads", "--enable-zlib"],
    ...["--enable-libx264", "--enable-libdav1d", "--enable-libzimg", "--pkg-config-flags=--static"],
    // No path of the building machine in the program, so that the same sources make the same program.
    `--extra-cflags=${[...hardening, `-ffile-prefix-map=${source}=.`].join(" ")}`,
    "--extra-ldexeflags=-static-pie -Wl,-z,relro,-z,now",
    "--extra-libs=-lpthread -lm -lstdc++",
    ...Object.entries(components).map(([kind, names]) => `--enable-${kind}=${names.join(",")}`),
  ];
  const env = { ...process.env, PKG_CONFIG_PATH: join(prefix, "lib", "pkgconfig") };
  await run("./configure", options, { cwd: source, env });
  await run("nice", ["make", `-j${availableParallelism()}`, "ffmpeg", "ffprobe"], { cwd: source, env });
}

async function facts(codename: string, made: string): Promise<object> {
  const sources = await readdir(join(made, "sources"));
  const version = (name: string) =>
    sources.find((file) => file.startsWith(`${name}_`) && file.endsWith(".dsc"))?.slice(name.length + 1, -4);
  return {
    debian: codename,
    architecture: process.arch,
    components: {
      ffmpeg: version("ffmpeg"),
      dav1d: version("dav1d"),
      x264: versionOf("libx264-dev"),
      zimg: versionOf("libzimg-dev"),
      zlib: versionOf("zlib1g-dev"),
      glibc: versionOf("libc6-dev"),
    },
    licences,
    files: await hashes(["ffmpeg", "ffprobe", ...sources.map((file) => join("sources", file))], made),
  };
}

async function hashes(files: readonly string[], folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const file of files) found[file] = (await hashFile(join(folder, file))).sha256;
  return found;
}
