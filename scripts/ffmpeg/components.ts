/**
 * What ffmpeg and ffprobe of the deployment package are made of: what `shared/media` uses and nothing else. Whatever is
 * not here cannot be reached by a hostile file: no network, no playlists, no concat, no devices. HLS is only written.
 */
export const components = {
  protocol: ["file", "pipe"],
  demuxer: ["mov", "matroska", "rawvideo"],
  muxer: ["mp4", "mov", "hls", "mjpeg", "rawvideo", "null", "pcm_s16le", "pcm_f32le"],
  decoder: [
    ...["h264", "hevc", "vp8", "vp9", "libdav1d", "rawvideo"],
    ...["aac", "opus", "vorbis", "mp3float", "flac", "alac", "ac3", "amrnb", "amrwb"],
    ...["pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be"],
    ...["pcm_f64le", "pcm_f64be", "pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw"],
  ],
  encoder: ["libx264", "aac", "mjpeg", "rawvideo", "wrapped_avframe", "pcm_s16le", "pcm_f32le"],
  parser: ["h264", "hevc", "vp8", "vp9", "av1", "aac", "opus", "vorbis", "mpegaudio", "flac", "ac3"],
  bsf: [
    ...["filter_units", "extract_extradata", "aac_adtstoasc", "h264_mp4toannexb", "hevc_mp4toannexb"],
    ...["h264_metadata", "vp9_superframe", "vp9_superframe_split", "av1_frame_merge", "av1_frame_split", "null"],
  ],
  filter: [
    ...["scale", "zscale", "tonemap", "crop", "pad", "fps", "setsar", "format", "tile", "thumbnail", "select", "split"],
    ...["transpose", "rotate", "hflip", "vflip", "setpts", "trim", "null", "copy"],
    ...["aresample", "aformat", "asetnsamples", "asplit", "atrim", "anull", "aselect", "pan"],
    ...["ebur128", "astats", "silencedetect", "blackdetect", "freezedetect", "metadata", "ametadata"],
  ],
} as const satisfies Record<string, readonly string[]>;

export type ComponentKind = keyof typeof components;

/**
 * Licences of what is built in. With x264 the whole is under the GPL, version 2 or later: it runs as a program of its own
 * beside ours, and whoever is given it is given `sources/` with it.
 */
export const licences = {
  ffmpeg: "GPL-2.0-or-later",
  x264: "GPL-2.0-or-later",
  dav1d: "BSD-2-Clause",
  zimg: "WTFPL",
  zlib: "Zlib",
  glibc: "LGPL-2.1-or-later",
} as const;
