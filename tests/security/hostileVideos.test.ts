import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attacks } from "../support/attacks/attacks.ts";
import { clip, clipNamed } from "../../scripts/clips.ts";
import { remedies } from "../../shared/media/rejection.ts";
import { settleAll } from "../support/preparations.ts";
import { type TestTenant, expectApi, newSurvey, newTenant } from "../support/tenant.ts";
import { Tripwires, fileSecret } from "../support/tripwires.ts";
import { processed, send } from "../support/upload.ts";

let tripwires: Tripwires;
let tenant: TestTenant;
beforeAll(async () => {
  [tripwires, tenant] = await Promise.all([Tripwires.lay(), newTenant()]);
});
afterAll(() => tripwires[Symbol.asyncDispose]());

/** Sends the file as a guest does; what became of it, and where members find it. */
async function sent(path: string) {
  const { guest, surveyId } = await newSurvey(tenant);
  const id = await send(guest, path);
  const { state, rejection } = await processed(guest, id);
  return { state, rejection, video: `surveys/${surveyId}/videos/${id}` };
}

async function sentAttack(name: string) {
  const attack = attacks[name];
  if (attack === undefined) throw new Error(`there is no attack ${name}`);
  const path = join(tripwires.folder, name);
  await writeFile(path, await attack.make(tripwires.targets, clipNamed));
  return await sent(path);
}

/** One of each kind: what is refused by its first bytes, by its index, by its pictures. */
const refused = {
  "playlist-address.mp4": "unsupported_format",
  "playlist-file.mp4": "unsupported_format",
  "concat-file.mp4": "unsupported_format",
  "dash.mp4": "unsupported_format",
  "reference-movie.mov": "corrupt",
  "reference-file.mov": "corrupt",
  "nested-boxes.mp4": "corrupt",
  "twenty-thousand-tracks.mp4": "unsupported_format",
  "cover-only.mp4": "no_video_track",
} as const;

test(
  "hostile uploads end refused with a remedy, and nothing that they name is opened",
  { timeout: 120_000 },
  async () => {
    const names = Object.keys(refused) as (keyof typeof refused)[];
    const outcomes = await settleAll(names, 3, sentAttack);
    for (const name of names)
      expect(outcomes.get(name), name).toMatchObject({
        status: "fulfilled",
        value: { state: "rejected", rejection: { code: refused[name], remedy: remedies[refused[name]] } },
      });
    expect(await tripwires.tripped()).toEqual([]);
  },
);

test("a pixel bomb and a truncated film end refused", { timeout: 120_000 }, async () => {
  const outcomes = await Promise.all(
    (["pixel-bomb-unsaid.webm", "truncated-index-first.mp4"] as const).map(async (name) => sent(await clip(name))),
  );
  expect(outcomes.map(({ rejection }) => rejection?.code)).toEqual(["too_large", "corrupt"]);
});

interface Playback {
  readonly video: { readonly url: string };
  readonly poster: { readonly url: string };
  readonly storyboard: { readonly url: string };
}

test("what films name beside their pictures is in nothing that members get", { timeout: 120_000 }, async () => {
  const { url, file } = tripwires.targets;
  for (const name of ["linked-segments.mkv", "reference-address.mov"]) {
    const { state, video } = await sentAttack(name);
    expect(state, name).toBe("ready");
    const { token } = tenant.owner;
    const { body } = await expectApi<Playback>(`POST /v1/${video}/playback`, 200, { token });
    expect((await readFile(join(tripwires.folder, name), "latin1")).includes(url)).toBe(true);
    for (const made of [body.video, body.poster, body.storyboard]) {
      const content = Buffer.from(await (await fetch(made.url)).arrayBuffer()).toString("latin1");
      for (const trace of [url, basename(file), fileSecret]) expect(content).not.toContain(trace);
    }
  }
  expect(await tripwires.tripped()).toEqual([]);
});
