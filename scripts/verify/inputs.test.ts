import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { afterAll, describe, expect, test } from "vitest";
import { closed } from "../../shared/schema.ts";
import { Unusable, readJson } from "./inputs.ts";

const dir = mkdtempSync(join(tmpdir(), "callpilot-inputs-"));
const file = join(dir, "file.json");
afterAll(() => {
  rmSync(dir, { recursive: true });
});

const schema = closed({ target: Type.String(), n: Type.Number() });
async function read(content: string | Uint8Array): Promise<unknown> {
  writeFileSync(file, content);
  return await readJson(file, schema);
}

describe("a file that is to be verified", () => {
  test("may have any white space", async () => {
    expect(await read('{\r\n "target": "svy_1",\r\n "n": 1 }\r\n')).toEqual({ target: "svy_1", n: 1 });
  });

  test.each([
    ["nothing", "", "Unexpected end"],
    ["half of it", '{"target":"svy_1', "Unterminated string"],
    ["bytes that are no text", Uint8Array.from([0x22, 0xff, 0x22]), "not valid for encoding utf-8"],
    ["a byte order mark", '\ufeff{"target":"svy_1","n":1}', "is not valid JSON"],
    ["brackets without an end", "[".repeat(1_000_000), "Unexpected end"],
    ["something else", "null", "must be object"],
    ["a member that it does not have", '{"target":"svy_1","n":1,"__proto__":{}}', "is not known here at /__proto__"],
    // Whoever reads it with another program would see another entry than the one that was verified.
    ["two members of one name", '{"target":"svy_2","target":"svy_1","n":1}', "has two members of the same name"],
    ["a number that is rounded", '{"target":"svy_1","n":1.00000000000000000001}', "which would be rounded"],
  ])("is not used with %s in it", async (_, content, message) => {
    const answer = read(content);
    await expect(answer).rejects.toThrow(Unusable);
    await expect(answer).rejects.toThrow(message);
  });
});
