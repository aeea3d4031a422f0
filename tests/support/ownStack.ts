import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobServiceClient } from "@azure/storage-blob";
import { trust } from "../../local/certificates.ts";
import { localCredential } from "../../local/cosmos/testSupport.ts";
import { startStackProcess } from "./stack.ts";
import { stackUnderTest, useStack } from "./stackUnderTest.ts";

/** A stack of a test file's own, with those settings; the helpers of this folder talk to it from now on. */
export async function useOwnStack(settings: Readonly<Record<string, string>>): Promise<AsyncDisposable> {
  const dataDir = await mkdtemp(join(tmpdir(), "callpilot-own-"));
  const given = Object.entries(settings).flatMap(([name, value]) => ["--settings", `${name}=${value}`]);
  const stack = await startStackProcess({ dataDir, args: ["--no-seed", ...given] });
  trust(await readFile(stack.caFile, "utf8"));
  useStack(stack);
  return {
    [Symbol.asyncDispose]: async () => {
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Names of all blobs of the stack under test that belong to a survey, with their containers. */
export async function blobsOf(surveyId: string): Promise<readonly string[]> {
  const blobs = new BlobServiceClient(stackUnderTest().blobUrl, localCredential);
  const names: string[] = [];
  for await (const { name: container } of blobs.listContainers())
    for await (const { name } of blobs.getContainerClient(container).listBlobsFlat({ includeUncommitedBlobs: true }))
      if (name.includes(surveyId) && !container.startsWith("azure-webjobs")) names.push(`${container}/${name}`);
  return names;
}
