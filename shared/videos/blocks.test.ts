import { expect, test } from "vitest";
import { blockId, blockSizeFor, blocksOf } from "./blocks.ts";

test("a file is cut into blocks of one size, the last one takes the rest", () => {
  expect(blocksOf(10, 4)).toEqual([
    { id: blockId(0), size: 4 },
    { id: blockId(1), size: 4 },
    { id: blockId(2), size: 2 },
  ]);
  expect(blocksOf(8, 4).map(({ size }) => size)).toEqual([4, 4]);
  expect(blocksOf(1, 4)).toEqual([{ id: "MDAwMDA=", size: 1 }]);
});

test("ids have one length, as storage demands of a blob's blocks", () => {
  expect(new Set([0, 9, 10, 99_999].map((place) => blockId(place).length)).size).toBe(1);
});

test("the largest file has few enough blocks to be listed in one answer", () => {
  const size = 4 * 2 ** 30;
  expect(blocksOf(size, blockSizeFor(size)).length).toBeLessThanOrEqual(512);
});
