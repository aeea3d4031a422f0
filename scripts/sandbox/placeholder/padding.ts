import { copyFile, open } from "node:fs/promises";

/** Size and type. */
const headBytes = 8;

/**
 * Copies an MP4 and fills the copy up to `size`, at most 4 GiB, with a free box (ISO/IEC 14496-12, 8.1.2), which players
 * skip. What it holds is never written, so the disk does not hold it either. A file that leaves no room for the box stays
 * as it is.
 */
export async function copyPadded(from: string, to: string, size: number): Promise<void> {
  await copyFile(from, to);
  await using file = await open(to, "r+");
  const { size: end } = await file.stat();
  const room = size - end;
  if (room < headBytes) return;
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(room);
  head.write("free", 4, "latin1");
  await file.truncate(size);
  await file.write(head, 0, headBytes, end);
}
