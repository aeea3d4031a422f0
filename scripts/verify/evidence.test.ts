import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { newManifest, newSigner, signed } from "../../shared/evidence/evidenceForTests.ts";
import { sha256 } from "../../shared/evidence/manifest.ts";
import { keyObject, thumbprint } from "../../shared/protection/signature.ts";
import { verifyEvidenceFile } from "./evidence.ts";

const dir = mkdtempSync(join(tmpdir(), "callpilot-evidence-"));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

function written(name: string, content: string): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

async function verify(...args: string[]): Promise<{ code: number; output: string }> {
  const lines: string[] = [];
  const code = await verifyEvidenceFile(args, (line) => lines.push(line));
  return { code, output: lines.join("\n") };
}

const film = "film";
const manifest = newManifest();
const video = { size: film.length, sha256: sha256(film) };
const evidence = signed({ ...manifest, outputs: { ...manifest.outputs, video } }, newSigner());
const text = JSON.stringify(evidence);
const file = written("evidence.json", text);
const key = keyObject(evidence.key);
const believed = thumbprint(key);

test("takes the key as the vault's tools give it, and believes no other", async () => {
  const pem = written("key.pem", String(key.export({ type: "spki", format: "pem" })));
  const jwk = written("key.jwk", JSON.stringify(evidence.key));
  const keys = written("keys.json", JSON.stringify({ keys: [evidence.key] }));
  const colons = believed.toUpperCase().replaceAll(/..(?=.)/gu, "$&:");
  for (const given of [pem, jwk, keys, colons]) expect(await verify(file, "--key", given)).toMatchObject({ code: 0 });
  expect(await verify(file)).toMatchObject({
    code: 2,
    output: expect.stringContaining("The key is only the one in the file") as string,
  });
  expect(await verify(file, "--key", "0".repeat(64))).toMatchObject({
    code: 1,
    output: expect.stringContaining("✗ /key is not the one to be believed") as string,
  });
  expect(await verify(file, "--key", "0".repeat(64), "--key", believed)).toMatchObject({ code: 0 });
});

test("shows what was changed, cut off, doubled or is of another version", async () => {
  const says = async (changed: string) => {
    const { code, output } = await verify(written("changed.json", changed), "--key", believed);
    return [code, output.split("\n").find((line) => line.startsWith("✗"))];
  };
  expect(await says(text)).toEqual([0, undefined]);
  const changed = "is not this key's of this manifest: the one or the other was changed";
  expect(await says(text.replace("0123abc", "0123abd"))).toEqual([1, `✗ /signature ${changed}`]);
  for (const cut of ["", text.slice(0, 100), text.slice(0, -1)])
    expect(await says(cut)).toEqual([1, expect.stringContaining("the file cannot be read as it was written")]);
  const doubled = text.replace('"kid"', `"kid":${JSON.stringify(evidence.kid)},"kid"`);
  expect(await says(doubled)).toEqual([1, expect.stringContaining("two members of the same name")]);
  expect(await says(text.replace('"v":1', '"v":0'))).toEqual([1, expect.stringContaining("is version 0")]);
  expect(await says(text.replace('"v":1', '"v":1,"more":1'))).toEqual([1, "✗ /manifest/more is not known here"]);
  expect(await says(text.replace('"n":"', '"n":"AA'))).toEqual([1, "✗ /key is not written as keys are"]);
  expect(await says(JSON.stringify({ ...evidence, key: { ...evidence.key, n: "-" } }))).toEqual([
    1,
    expect.stringMatching(/^✗ \/key/u),
  ]);
});

test("knows the files that the manifest names, and no others", async () => {
  const path = written("video.mp4", film);
  const good = await verify(file, "--key", believed, "--video", path);
  expect(good).toMatchObject({ code: 0, output: expect.stringContaining(`✓ ${path} is the file`) as string });
  const swapped = await verify(file, "--key", believed, "--original", path);
  expect(swapped).toMatchObject({ code: 1, output: expect.stringContaining("✗ /manifest/original is not") as string });
  const longer = await verify(file, "--key", believed, "--video", written("longer.mp4", `${film} `));
  expect(longer).toMatchObject({ code: 1, output: expect.stringContaining("that has 5 bytes") as string });
});

test("compares with the log of the same tenant only", async () => {
  const { tenantId } = evidence.manifest;
  const logOf = (of: string) => written("log.json", JSON.stringify({ tenantId: of, entries: [], seals: [] }));
  const empty = await verify(file, "--key", believed, "--log", logOf(tenantId));
  expect(empty).toMatchObject({ code: 1, output: expect.stringContaining("✗ /manifest/custody/0/log") as string });
  const other = await verify(file, "--key", believed, "--log", logOf(newManifest().tenantId));
  expect(other).toMatchObject({ code: 1, output: expect.stringContaining("✗ /manifest/tenantId") as string });
});

test("says what it cannot use, and how it is used", async () => {
  const nowhere = join(dir, "nowhere");
  for (const args of [[], ["--bogus"], [nowhere], ["a", "b"], [file, "--key", file], [file, "--key", nowhere]])
    await expect(verify(...args), args.join(" ")).rejects.toMatchObject({ name: "Unusable" });
  for (const option of ["--original", "--log"])
    await expect(verify(file, "--key", believed, option, nowhere)).rejects.toMatchObject({ name: "Unusable" });
  expect(await verify("--help")).toMatchObject({ code: 0, output: expect.stringContaining("--original") as string });
});
