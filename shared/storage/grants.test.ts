import { ulid } from "ulid";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { now, setClockForTests } from "../clock.ts";
import { config } from "../config.ts";
import { newTenantContainer, startAccountForTests } from "./accountForTests.ts";
import type { BlobContainer } from "./accounts.ts";
import { putJson, statBlob } from "./blobs.ts";
import { quarantineContainer } from "./containers.ts";
import { copySource, readGrant, uploadGrant } from "./grants.ts";

let local: Awaited<ReturnType<typeof startAccountForTests>>;
let container: BlobContainer;

beforeAll(async () => {
  local = await startAccountForTests();
  container = await newTenantContainer();
});
afterEach(() => {
  setClockForTests();
});
afterAll(() => local.close());

const blobName = "incoming/svy_1/vid_1";
const put = { method: "PUT", headers: { "x-ms-blob-type": "BlockBlob" }, body: "video" };
const attachment = { minutes: 5, contentDisposition: "attachment" };

/** The grant's URL with its path changed, the signature kept. */
function elsewhere(url: string, change: (path: string) => string): string {
  const changed = new URL(url);
  changed.pathname = change(changed.pathname);
  return changed.href;
}

function withQuery(url: string, query: Record<string, string>): string {
  const changed = new URL(url);
  for (const [name, value] of Object.entries(query)) changed.searchParams.set(name, value);
  return changed.href;
}

test("an upload grant stages, lists nothing else, and commits its own blob", async () => {
  const { url, expiresAt } = await uploadGrant(container, blobName, { minutes: 60 });
  expect(url.startsWith(`${config().data.blobPublicUrl}/${container.name}/incoming/svy_1/vid_1?`)).toBe(true);
  expect(Date.parse(expiresAt) - now().getTime()).toBeGreaterThan(59 * 60_000);
  expect(new URL(url).searchParams.get("se")).toBe(expiresAt.replace(".000Z", "Z"));
  const block = withQuery(url, { comp: "block", blockid: btoa("000001") });
  expect((await fetch(block, { method: "PUT", body: "video" })).status).toBe(201);
  const list = `<?xml version="1.0"?><BlockList><Latest>${btoa("000001")}</Latest></BlockList>`;
  expect((await fetch(withQuery(url, { comp: "blocklist" }), { method: "PUT", body: list })).status).toBe(201);
  expect(await statBlob(container, blobName)).toMatchObject({ size: 5 });
});

test.each<[string, (url: string) => Promise<Response>]>([
  ["read", (url) => fetch(url)],
  ["see the facts of", (url) => fetch(url, { method: "HEAD" })],
  ["list the blocks of", (url) => fetch(withQuery(url, { comp: "blocklist" }))],
  ["delete", (url) => fetch(url, { method: "DELETE" })],
  ["tag", (url) => fetch(withQuery(url, { comp: "tags" }), { method: "PUT", body: "<Tags/>" })],
])("an upload grant does not %s its blob", async (_case, request) => {
  const { url } = await uploadGrant(container, blobName, { minutes: 5 });
  expect((await fetch(url, put)).status).toBe(201);
  expect((await request(url)).status).toBe(403);
  expect(await statBlob(container, blobName)).toMatchObject({ size: 5 });
});

test.each<[string, (path: string) => string]>([
  ["another blob", (path) => path.replace("vid_1", "vid_2")],
  ["a longer name", (path) => `${path}0`],
  ["another survey's blob", (path) => path.replace("svy_1", "svy_2")],
  ["what was processed", (path) => path.replace("incoming", "originals")],
])("an upload grant does not write %s", async (_case, change) => {
  const { url } = await uploadGrant(container, blobName, { minutes: 5 });
  expect((await fetch(elsewhere(url, change), put)).status).toBe(403);
});

test("a grant for one tenant's container opens nothing in another's", async () => {
  const other = await newTenantContainer();
  await putJson(other, blobName, "theirs");
  const exchange = (path: string) => path.replace(container.name, other.name);
  const upload = await uploadGrant(container, blobName, { minutes: 5 });
  const read = await readGrant(container, blobName, attachment);
  expect((await fetch(elsewhere(upload.url, exchange), put)).status).toBe(403);
  expect((await fetch(elsewhere(read.url, exchange))).status).toBe(403);
});

test("a grant neither lists nor deletes the container", async () => {
  for (const { url } of [
    await uploadGrant(container, blobName, { minutes: 5 }),
    await readGrant(container, blobName, attachment),
  ]) {
    const onContainer = elsewhere(withQuery(url, { restype: "container" }), (path) => path.replace(`/${blobName}`, ""));
    expect((await fetch(withQuery(onContainer, { comp: "list" }))).status).toBe(403);
    expect((await fetch(onContainer, { method: "DELETE" })).status).toBe(403);
  }
});

test.each([
  ["its permissions", { sp: "rwdlc" }],
  ["its end", { se: "2099-01-01T00:00:00Z" }],
  ["its scope", { sr: "c" }],
  ["its protocol", { spr: "https,http,x" }],
])("a grant with %s changed is void", async (_case, query) => {
  const { url } = await uploadGrant(container, blobName, { minutes: 5 });
  expect((await fetch(withQuery(url, query), put)).status).toBe(403);
});

test("a grant for an https address is void over http", async () => {
  const allowed = async (url: Promise<string>) => new URL(await url).searchParams.get("spr");
  expect(await allowed(copySource(container, blobName))).toBe("https");
  const { url } = await uploadGrant(container, blobName, { minutes: 5 });
  expect(new URL(url).protocol).toBe("http:");
  expect(await allowed(Promise.resolve(url))).toBe("https,http");
});

test("an expired grant is void", async () => {
  const { url } = await uploadGrant(container, blobName, { minutes: 1 / 60 });
  await expect.poll(async () => (await fetch(url, put)).status, { timeout: 5000, interval: 300 }).toBe(403);
});

test("a read grant reads its blob only, with the headers it names", async () => {
  await putJson(container, "published/ü b.json", { ok: true });
  const { url } = await readGrant(container, "published/ü b.json", {
    minutes: 15,
    contentType: "video/mp4",
    contentDisposition: 'inline; filename="take 1.mp4"',
  });
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ ok: true });
  expect(answer.headers.get("content-type")).toBe("video/mp4");
  expect(answer.headers.get("content-disposition")).toBe('inline; filename="take 1.mp4"');
  expect((await fetch(url, put)).status).toBe(403);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(403);
});

test.each([0, -1, 61, Number.NaN, Number.POSITIVE_INFINITY])(
  "an upload grant of %d minutes is refused",
  async (minutes) => {
    await expect(uploadGrant(container, blobName, { minutes })).rejects.toThrow(RangeError);
  },
);

test.each([0, 16, Number.NaN])("a read grant of %d minutes is refused", async (minutes) => {
  await expect(readGrant(container, blobName, { minutes, contentDisposition: "inline" })).rejects.toThrow(RangeError);
});

test("a grant in an account that this deployment does not know is refused", async () => {
  await expect(uploadGrant({ ...container, account: "elsewhere" }, blobName, { minutes: 5 })).rejects.toThrow(
    RangeError,
  );
});

test("the delegation key is renewed before a grant could outlive it", async () => {
  const keyEnd = async () =>
    new URL((await uploadGrant(container, blobName, { minutes: 60 })).url).searchParams.get("ske") ?? "";
  const first = await keyEnd();
  expect(await keyEnd()).toBe(first);
  const later = Date.parse(first) - 90 * 60_000;
  setClockForTests(() => new Date(later));
  const second = await keyEnd();
  expect(Date.parse(second)).toBeGreaterThan(Date.parse(first));
  expect(Date.parse(second) - later).toBeLessThanOrEqual(7 * 86_400_000);
});

test("nothing in quarantine is granted, neither to read nor to copy nor to write", async () => {
  const quarantine = quarantineContainer(`tnt_${ulid()}`, container.account);
  await expect(readGrant(quarantine, blobName, attachment)).rejects.toThrow(RangeError);
  await expect(copySource(quarantine, blobName)).rejects.toThrow(RangeError);
  await expect(uploadGrant(quarantine, blobName, { minutes: 5 })).rejects.toThrow(RangeError);
});
