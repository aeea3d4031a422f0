import { BlobServiceClient } from "@azure/storage-blob";
import { localCredential } from "../../local/cosmos/testSupport.ts";
import { containerName } from "../../shared/storage/containers.ts";
import { blobNames } from "../../shared/videos/video.ts";
import { newReadyVideo, sendByte } from "../contracts/cases.ts";
import { type Side, newOpenSurvey } from "../contracts/side.ts";
import { expectApi } from "../support/tenant.ts";
import type { Section } from "./ledger.ts";
import type { Run } from "./run.ts";
import { altered } from "./tampering.ts";

const control = "a grant that allows more than its one blob and purpose: shared/storage/grants.ts";

/** A URL with a shared access signature, and what it may be used for. */
interface Grant {
  readonly kind: "upload" | "playback";
  readonly url: URL;
}

/** What is asked of the storage with a grant's URL, changed or not. */
interface Misuse {
  readonly name: string;
  readonly url: string;
  readonly init?: RequestInit;
}

/** Every grant on everything but its own blob and purpose. */
export async function grants(run: Run, section: Section, onProgress: (share: number) => void): Promise<void> {
  const uploads = await Promise.all([run.own, run.own, run.foreign].map(upload));
  const players = await Promise.all([run.own, run.own, run.foreign].map((side) => playback(run, side)));
  const [mine, sibling, theirs] = uploads;
  const [play, otherPlay, theirPlay] = players.map((each) => each[0]);
  if (!mine || !sibling || !theirs || !play || !otherPlay || !theirPlay) throw new TypeError("no grants were given");
  for (const grant of [mine, ...(players[0] ?? [])]) modest(section, grant);
  await twins(section, mine, play);
  onProgress(0.3);
  const elsewhere = [sibling.url, theirs.url, otherPlay.url, theirPlay.url];
  for (const misuse of [...uploadMisuses(mine.url, elsewhere), ...alterations(mine.url)])
    await misused(section, "upload", misuse);
  onProgress(0.7);
  for (const misuse of [...playbackMisuses(play.url, elsewhere), ...alterations(play.url)])
    await misused(section, "playback", misuse);
}

async function upload(side: Side): Promise<Grant> {
  const { guest } = await newOpenSurvey(side);
  const body = { questionId: "room", size: 1, contentType: "video/mp4" };
  const answer = await expectApi<{ upload: { url: string } }>("POST /v1/guest/videos", 201, { token: guest, body });
  const url = new URL(answer.body.upload.url);
  const status = await sendByte(url.href);
  if (status !== 201) throw new Error(`the upload that a grant is for was answered ${status}`);
  return { kind: "upload", url };
}

/** Grants for files that are there, so that a refusal is no mere absence. */
async function playback({ stack }: Run, side: Side): Promise<readonly Grant[]> {
  const { surveyId, videoId } = await newReadyVideo(side);
  const container = new BlobServiceClient(stack.blobUrl, localCredential).getContainerClient(containerName(side.id));
  await container.getBlockBlobClient(blobNames(surveyId, videoId).video).upload("video", 5);
  const path = `POST /v1/surveys/${surveyId}/videos/${videoId}/playback`;
  const { body } = await expectApi<Record<"video" | "poster" | "storyboard", { url: string }>>(path, 200, {
    token: side.people.owner.token,
  });
  return [body.video, body.poster, body.storyboard].map(({ url }) => ({ kind: "playback", url: new URL(url) }));
}

const most = { upload: { permissions: "cw", minutes: 60 }, playback: { permissions: "r", minutes: 15 } } as const;

/** What the signature itself says: one blob, no more permissions than needed, minutes. */
function modest(section: Section, { kind, url }: Grant): void {
  const { permissions, minutes } = most[kind];
  const says = (name: string) => url.searchParams.get(name) ?? "";
  const ends = (Date.parse(says("se")) - Date.now()) / 60_000;
  const expected = `sr=b, sp=${permissions}, at most ${minutes} minutes`;
  if (says("sr") === "b" && says("sp") === permissions && ends <= minutes) section.count("grants that say no more");
  else
    note(
      section,
      kind,
      "what it says",
      `GET ${url.pathname}`,
      expected,
      `sr=${says("sr")}, sp=${says("sp")}, ${ends} minutes`,
    );
}

async function twins(section: Section, mine: Grant, play: Grant): Promise<void> {
  const uploaded = await sendByte(mine.url.href);
  if (uploaded === 201) section.count("used for what they are for (twins)");
  else note(section, "upload", "own blob", `PUT ${mine.url.pathname}`, "201", String(uploaded));
  const played = await fetch(play.url);
  if (played.status === 200 && (await played.text()) === "video") section.count("used for what they are for (twins)");
  else note(section, "playback", "own blob", `GET ${play.url.pathname}`, "200", String(played.status));
}

const put: RequestInit = { method: "PUT", body: "x", headers: { "x-ms-blob-type": "BlockBlob" } };
const remove: RequestInit = { method: "DELETE" };

function uploadMisuses(mine: URL, elsewhere: readonly URL[]): readonly Misuse[] {
  return [
    { name: "read the own upload", url: mine.href },
    { name: "see the facts of the own upload", url: mine.href, init: { method: "HEAD" } },
    { name: "list the blocks of the own upload", url: at(mine, { search: "comp=blocklist" }) },
    { name: "delete the own upload", url: mine.href, init: remove },
    { name: "tag the own upload", url: at(mine, { search: "comp=tags" }), init: { method: "PUT", body: "<Tags/>" } },
    ...beyond(mine, elsewhere),
  ];
}

function playbackMisuses(mine: URL, elsewhere: readonly URL[]): readonly Misuse[] {
  return [
    { name: "overwrite the own video", url: mine.href, init: put },
    { name: "stage a block of the own video", url: at(mine, { search: "comp=block&blockid=MDAwMDAx" }), init: put },
    { name: "delete the own video", url: mine.href, init: remove },
    ...beyond(mine, elsewhere),
  ];
}

/** Other blobs of the own container and of the other tenant's, and the containers themselves. */
function beyond(mine: URL, elsewhere: readonly URL[]): readonly Misuse[] {
  const containerOf = ({ pathname }: URL) => pathname.split("/").slice(0, 3).join("/");
  const containers = [...new Set([mine, ...elsewhere].map(containerOf))];
  const accounts = [mine.pathname.split("/").slice(0, 2).join("/"), "/"];
  return [
    ...elsewhere
      .filter(({ pathname }) => pathname !== mine.pathname)
      .flatMap(({ pathname }) => {
        const url = at(mine, { pathname });
        const whose = containerOf(mine) === pathname.split("/").slice(0, 3).join("/") ? "the own" : "the other";
        return [
          { name: `read a blob of ${whose} tenant`, url },
          { name: `overwrite a blob of ${whose} tenant`, url, init: put },
          { name: `delete a blob of ${whose} tenant`, url, init: remove },
        ];
      }),
    ...containers.flatMap((pathname) => {
      const whose = pathname === containerOf(mine) ? "own" : "other tenant's";
      return [
        { name: `list the ${whose} container`, url: at(mine, { pathname, search: "restype=container&comp=list" }) },
        {
          name: `write a new blob into the ${whose} container`,
          url: at(mine, { pathname: `${pathname}/new` }),
          init: put,
        },
        {
          name: `delete the ${whose} container`,
          url: at(mine, { pathname, search: "restype=container" }),
          init: remove,
        },
      ];
    }),
    ...accounts.map((pathname) => ({ name: "list the account", url: at(mine, { pathname, search: "comp=list" }) })),
  ];
}

function at(url: URL, { pathname = url.pathname, search }: { pathname?: string; search?: string }): string {
  const added = search === undefined ? "" : `&${search}`;
  return Object.assign(new URL(url), { pathname, search: `${url.search}${added}` }).href;
}

/** The grant with other words under the same signature. */
function alterations(mine: URL): readonly Misuse[] {
  const later = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+Z/u, "Z");
  const changes: readonly (readonly [string, string])[] = [
    ["sp", "racwdl"],
    ["sr", "c"],
    ["se", later],
    ["sig", altered(mine.searchParams.get("sig") ?? "", 5)],
    ["sig", ""],
    ["skoid", "00000000-0000-0000-0000-000000000000"],
  ];
  return changes.flatMap(([name, value]) => {
    const url = new URL(mine);
    url.searchParams.set(name, value);
    return [
      { name: `read with another ${name}`, url: url.href },
      { name: `write with another ${name}`, url: url.href, init: put },
    ];
  });
}

async function misused(section: Section, kind: Grant["kind"], { name, url, init = {} }: Misuse): Promise<void> {
  const { status } = await fetch(url, init);
  section.countDistinct("kinds of misuse", `${kind}: ${name}`);
  if ([400, 401, 403].includes(status)) section.count("refused by the storage");
  else note(section, kind, name, `${init.method ?? "GET"} ${new URL(url).pathname}`, "403", String(status));
}

function note(section: Section, kind: string, target: string, request: string, expected: string, got: string): void {
  const attempt = { operation: "storage", caller: "who holds the grant", credential: `${kind} grant`, target };
  section.violate({ ...attempt, expected, got, request, control });
}
