const mebibyte = 2 ** 20;

/**
 * As many as an answer lists, evidence included. A device can make 50,000 of whatever size; those that it is asked for are
 * never more.
 */
export const maxBlocks = 4096;
/** Bytes of the smallest and of the largest block that a device may ask for. */
export const blockBounds = { smallest: mebibyte / 16, largest: 8 * mebibyte } as const;

/**
 * Bytes of every block but the last: as the device asks for, or else small enough to be sent again; always large enough for
 * all of them to be listed.
 */
export function blockSizeFor(size: number, wanted = size <= 512 * mebibyte ? 4 * mebibyte : 8 * mebibyte): number {
  return Math.max(wanted, Math.ceil(size / maxBlocks));
}

/** Id of the block at that place, from 0: base64 of the place in five digits, so that a resumed upload repeats none. */
export function blockId(place: number): string {
  return Buffer.from(String(place).padStart(5, "0")).toString("base64");
}

/** The blocks that a file of that size is sent in, in order. */
export function blocksOf(size: number, blockSize: number): readonly { readonly id: string; readonly size: number }[] {
  return Array.from({ length: Math.ceil(size / blockSize) }, (_, place) => ({
    id: blockId(place),
    size: Math.min(blockSize, size - place * blockSize),
  }));
}
