import { BlobServiceClient } from "@azure/storage-blob";
import { Type } from "@sinclair/typebox";
import { ulid } from "ulid";
import { beforeAll, describe, expect, test } from "vitest";
import { localCredential } from "../../local/cosmos/testSupport.ts";
import { AnotherRun, Notes } from "../../scripts/sandbox/notes.ts";
import { closed } from "../../shared/schema.ts";
import { stackUnderTest } from "../support/stackUnderTest.ts";

const Count = closed({ count: Type.Integer() });
const container = () => new BlobServiceClient(stackUnderTest().blobUrl, localCredential).getContainerClient("work");
beforeAll(() => container().createIfNotExists());

describe("the notes of a run", () => {
  const blob = (name = `notes-${ulid()}.json`) => container().getBlockBlobClient(name);

  test("are there for the next one, and gone when they are removed", async () => {
    const { name } = blob();
    const [one, next] = [new Notes(blob(name), Count), new Notes(blob(name), Count)];
    expect(await one.read()).toBeUndefined();
    await one.write({ count: 1 });
    await one.write({ count: 2 });
    expect(await next.read()).toEqual({ count: 2 });
    await next.remove();
    expect(await one.read()).toBeUndefined();
    await one.remove();
  });

  test("end a run that another one has overtaken, whoever began first", async () => {
    const { name } = blob();
    const [one, other] = [new Notes(blob(name), Count), new Notes(blob(name), Count)];
    await Promise.all([one.read(), other.read()]);
    await one.write({ count: 1 });
    await expect(other.write({ count: 1 })).rejects.toThrow(AnotherRun);
    await other.read();
    await other.write({ count: 2 });
    await expect(one.write({ count: 2 })).rejects.toThrow(AnotherRun);
    await expect(one.remove()).rejects.toThrow(AnotherRun);
    await other.remove();
    await expect(one.write({ count: 3 })).rejects.toThrow("another run is at work");
  });

  test.each([["{"], ['{"count":"one"}'], [""]])("that say %j are those of another program", async (text) => {
    const written = blob();
    await written.upload(text, text.length);
    expect(await new Notes(written, Count).read()).toBe("unreadable");
  });

  test("are nowhere where there is no container", async () => {
    const service = new BlobServiceClient(stackUnderTest().blobUrl, localCredential);
    const notes = new Notes(service.getContainerClient("nowhere").getBlockBlobClient("x"), Count);
    await expect(notes.read()).rejects.toThrow("there is no container nowhere");
  });
});
