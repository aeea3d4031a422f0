const mebibyte = 2 ** 20;

/** Bytes of every block but the last: blocks small enough to be sent again, few enough to be listed. */
export function blockSizeFor(size: number): number {
  return size <= 512 * mebibyte ? 4 * mebibyte : 8 * mebibyte;
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
