import { copyFile, open } from "node:fs/promises";
import { defaultLimits } from "../../../shared/media/limits.ts";

/** Size and type. */
const headBytes = 8;

/**
 * Copies an MP4 and fills the copy up to `size` with a free box (ISO/IEC 14496-12, 8.1.2), which players skip; never beyond
 * the 4 GiB that a recording may have, so that 32 bits hold the size of the box. What is in it is never written, so the disk
 * does not hold it either. A file that leaves no room for a box stays as it is.
 */
export async function copyPadded(from: string, to: string, size: number): Promise<void> {
  await copyFile(from, to);
  await using file = await open(to, "r+");
  const { size: end } = await file.stat();
  const room = Math.min(Math.trunc(size) || 0, defaultLimits.maxBytes) - end;
  if (room < headBytes) return;
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(room);
  head.write("free", 4, "latin1");
  await file.truncate(end + room);
  await file.write(head, 0, headBytes, end);
}
