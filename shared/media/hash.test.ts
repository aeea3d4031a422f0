import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashFile, saveHashed } from "./hash.ts";
import { type Rejection } from "./rejection.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callpilot-hash-"));
});
afterAll(() => rm(folder, { recursive: true }));

function* megabytes(count: number): Generator<Buffer> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(1024 * 1024, index);
}
async function* streamed(count: number): AsyncGenerator<Buffer> {
  for (const chunk of megabytes(count)) yield await Promise.resolve(chunk);
}

test("what is saved is what was hashed, and hashes the same when read again", async () => {
  const path = join(folder, "saved");
  const saved = await saveHashed(streamed(3), path, 3 * 1024 * 1024);
  const expected = createHash("sha256")
    .update(Buffer.concat([...megabytes(3)]))
    .digest("hex");
  expect(saved).toEqual({ path, size: 3 * 1024 * 1024, sha256: expected });
  expect(await hashFile(path)).toEqual(saved);
  expect(
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex"),
  ).toBe(expected);
});

test("the first byte beyond the cap ends the download", async () => {
  const path = join(folder, "capped");
  const saving = saveHashed(streamed(50), path, 2 * 1024 * 1024 - 1);
  await expect(saving).rejects.toMatchObject({ name: "Rejection", code: "too_large" } satisfies Partial<Rejection>);
  expect((await stat(path)).size).toBeLessThan(2 * 1024 * 1024);
});

test("memory stays flat while a file grows", async () => {
  const before = process.memoryUsage().rss;
  await saveHashed(streamed(300), join(folder, "large"), 1024 ** 3);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
});

test("an abort ends it with its reason", async () => {
  const reason = new Error("lease lost");
  const saving = saveHashed(streamed(50), join(folder, "aborted"), 1024 ** 3, { signal: AbortSignal.abort(reason) });
  await expect(saving).rejects.toMatchObject({ name: "AbortError", cause: reason });
});
