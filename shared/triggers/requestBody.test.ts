import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Problem } from "../web/problem.ts";
import { maxBodyBytes, parseBody, readBody, refuseBody } from "./requestBody.ts";

const parse = (body: string | Buffer, contentType: string | undefined = "application/json") =>
  parseBody(contentType, Buffer.from(body));

function problemOf(work: () => unknown): Problem {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
const codeOf = (body: string | Buffer, contentType?: string) => problemOf(() => parse(body, contentType)).code;
const faultOf = (body: string) => problemOf(() => parse(body)).details.errors?.[0];

describe("reading", () => {
  const raw = (chunks: readonly Uint8Array[], contentLength?: string) =>
    readBody({ contentEncoding: undefined, contentLength, stream: Readable.from(chunks) });

  it("takes up to 1 MiB, in whatever pieces", async () => {
    expect(await raw([Buffer.alloc(maxBodyBytes)])).toHaveLength(maxBodyBytes);
    expect(await raw(Array.from({ length: 1024 }, () => Buffer.alloc(1024)))).toHaveLength(maxBodyBytes);
    expect(await readBody({ contentEncoding: undefined, contentLength: undefined, stream: null })).toHaveLength(0);
  });

  it("refuses a byte more that is declared without reading any of it", async () => {
    let read = 0;
    const stream = Readable.from(
      (function* () {
        read++;
        yield Buffer.alloc(1);
      })(),
    );
    const body = readBody({ contentEncoding: undefined, contentLength: String(maxBodyBytes + 1), stream });
    await expect(body).rejects.toMatchObject({ code: "body_too_large" });
    expect(read).toBe(0);
  });

  it("stops reading at a byte more that was not declared", async () => {
    let [sent, ended] = [0, false];
    async function* endless() {
      try {
        for (;;) {
          await Promise.resolve();
          sent += 65_536;
          yield Buffer.alloc(65_536);
        }
      } finally {
        ended = true;
      }
    }
    const body = readBody({ contentEncoding: undefined, contentLength: "1", stream: endless() });
    await expect(body).rejects.toMatchObject({ code: "body_too_large" });
    expect(sent).toBe(maxBodyBytes + 65_536);
    expect(ended).toBe(true);
  });
});

describe("a packed body", () => {
  const packed = (contentEncoding: string, stream: AsyncIterable<Uint8Array> | null) =>
    readBody({ contentEncoding, contentLength: undefined, stream });

  it.each(["gzip", "br", "deflate", "zstd", "gzip, gzip", "GZIP", "x-gzip", ""])(
    "is refused unread: %s",
    async (encoding) => {
      let read = 0;
      async function* body() {
        read++;
        yield await Promise.resolve(Buffer.from("{}"));
      }
      await expect(packed(encoding, body())).rejects.toMatchObject({ code: "unsupported_media_type" });
      expect(read).toBe(0);
    },
  );
  it.each(["identity", " Identity "])("is none where it only says so: %s", async (encoding) => {
    expect(await packed(encoding, Readable.from([Buffer.from("{}")]))).toHaveLength(2);
  });
});

describe("where no body is taken", () => {
  const raw = (chunks: readonly Uint8Array[] | undefined) => ({
    contentEncoding: undefined,
    contentLength: undefined,
    stream: chunks === undefined ? null : Readable.from(chunks),
  });
  it("an empty one is none", async () => {
    await expect(refuseBody(raw(undefined))).resolves.toBeUndefined();
    await expect(refuseBody(raw([]))).resolves.toBeUndefined();
    await expect(refuseBody(raw([Buffer.alloc(0)]))).resolves.toBeUndefined();
  });
  it("a byte is refused", async () => {
    const details = { errors: [expect.objectContaining({ pointer: "", code: "unexpected" })] };
    await expect(refuseBody(raw([Buffer.alloc(0), Buffer.from("x")]))).rejects.toMatchObject({ details });
  });
});

describe("the content type", () => {
  it.each([
    "application/json",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json; charset=utf8",
    " Application/JSON ;x",
  ])("is JSON: %s", (type) => {
    expect(parse("{}", type)).toEqual({});
  });
  it.each([
    "text/plain",
    "text/json",
    "application/json-patch+json",
    "application/problem+json",
    "",
    "multipart/form-data",
    "application/json, text/plain",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-7",
  ])("is not: %j", (type) => {
    expect(codeOf("{}", type)).toBe("unsupported_media_type");
  });
  it("is not when there is none", () => {
    expect(problemOf(() => parseBody(undefined, Buffer.from("{}"))).code).toBe("unsupported_media_type");
  });
});

it("tells who sent a body in chunks why it is empty here", () => {
  const { details } = problemOf(() => parseBody("application/json", Buffer.alloc(0)));
  expect(details.detail).toContain("Content-Length");
});

it("tells an empty body from a broken one", () => {
  expect(codeOf("")).toBe("empty_body");
  for (const broken of [" ", "{", "{'a':1}", '{"a":1,}', "undefined", "NaN", "01", '"\n"', "{}{}", "{}\u0000"])
    expect(codeOf(broken), JSON.stringify(broken)).toBe("malformed_json");
});

it("reads UTF-8 and nothing else", () => {
  expect(codeOf(Buffer.from([0x22, 0xff, 0x22]))).toBe("malformed_json");
  expect(codeOf(Buffer.from('{"a":"ü"}', "latin1"))).toBe("malformed_json");
  expect(codeOf(Buffer.from("{}", "utf16le"))).toBe("malformed_json");
  expect(codeOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe("malformed_json");
  expect(codeOf("\ufeff{}")).toBe("malformed_json");
});

describe("texts", () => {
  it("have at most 30 marks on a letter: more would stop the process while they are put in order", () => {
    const piled = (marks: number) => Buffer.from(JSON.stringify({ token: `a${"\u0315\u0316".repeat(marks / 2)}` }));
    expect(() => parseBody("application/json", piled(32))).toThrow(
      expect.objectContaining({ details: { errors: [expect.objectContaining({ pointer: "/token", code: "text" })] } }),
    );
    expect(parseBody("application/json", piled(30))).toEqual({
      token: `a${"\u0316".repeat(15)}${"\u0315".repeat(15)}`,
    });
  });

  it("are stored composed, names too", () => {
    expect(parse(JSON.stringify({ "e\u0301": ["u\u0308"] }))).toEqual({ "\u00e9": ["\u00fc"] });
  });
  it.each([
    ['{"a":{"b":["\\u0000"]}}', "/a/b/0"],
    ['{"a":"\\ud800"}', "/a"],
    ['{"a":"x\\udc00x"}', "/a"],
    ['{"a/b~c":"\\u0000"}', "/a~1b~0c"],
    ['{"\\u0000":1}', ""],
    ['{"a":{"\\ud800":1}}', "/a"],
  ])("that are none are refused where they are: %s", (body, pointer) => {
    expect(faultOf(body)).toMatchObject({ pointer, code: "text" });
  });
});

describe("the shape", () => {
  const nested = (depth: number, [open, close]: readonly [string, string]) =>
    `${open.repeat(depth)}1${close.repeat(depth)}`;

  it.each([["[", "]"] as const, ['{"a":', "}"] as const])("is at most 16 deep: %s", (...brackets) => {
    expect(() => parse(nested(16, brackets))).not.toThrow();
    expect(faultOf(nested(17, brackets))).toMatchObject({ code: "too_complex" });
  });

  it("of the deepest and widest bodies is refused", () => {
    const bodies = [
      nested(500_000, ["[", "]"]),
      nested(170_000, ['{"a":', "}"]),
      `[${"0,".repeat(500_000)}0]`,
      `[${'"",'.repeat(300_000)}""]`,
      `{"a":"${'\\"'.repeat(500_000)}","a":1}`,
    ];
    for (const body of bodies) expect(codeOf(body)).toBe("invalid_request");
  });

  it("never pollutes a prototype", () => {
    const parsed = parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as object;
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect(Object.keys(parsed)).toEqual(["__proto__", "constructor"]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("numbers", () => {
  it.each([
    "0",
    "-0",
    "-0.0e5",
    "1.0",
    "1e1",
    "0.1",
    "0.30000000000000004",
    "-1.5E-7",
    "9007199254740991",
    "123456789012345680000",
    "1e21",
    "1.7976931348623157e308",
    "5e-324",
    "100000000000000000000000000000",
    "0.00000000000000000000000000000001",
  ])("that a double holds are taken: %s", (literal) => {
    expect(parse(`{"a":[${literal}]}`)).toEqual({ a: [Number(literal) + 0] });
  });
  it.each([
    "1e309",
    "-1e999",
    "1e-400",
    "9007199254740993",
    "123456789012345678901234567890",
    "1.0000000000000000000001",
    "0.1234567890123456789",
    `1${"0".repeat(400)}`,
    `0.${"0".repeat(70)}1`,
    `1.${"0".repeat(1_000_000)}1`,
  ])("that would be rounded are refused", (literal) => {
    expect(faultOf(literal)).toMatchObject({ pointer: "", code: "number" });
    expect(faultOf(`{"a":[1,${literal}]}`)).toMatchObject({ code: "number" });
  });
  it("in texts are none", () => {
    expect(parse('{"9007199254740993":"1e999","a\\"1e999":"-"}')).toEqual({
      "9007199254740993": "1e999",
      'a"1e999': "-",
    });
  });
  it("of doubles are all taken, however they are written", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parse(JSON.stringify([value]))).toEqual([value + 0]);
        expect(parse(`[${value.toExponential()}]`)).toEqual([value + 0]);
      }),
    );
  });
});

describe("two members of one name", () => {
  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":{},"a":2}',
    '{"x":[{"a":1},{"a":1,"a":2}]}',
    '{"a":1, "\\u0061"\n:2}',
    '{"\\u00e9":1,"e\\u0301":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
    '{"a\\"":1,"a\\"":2}',
  ])("are refused: %s", (body) => {
    expect(faultOf(body)).toMatchObject({ code: "repeated" });
  });

  it.each([
    '{"a":{"a":{"a":1}},"b":"a"}',
    '[{"a":1},{"a":1}]',
    '{"a":"\\"a\\":1,{","b":["a","a","a:"]}',
    '{"a\\\\":1,"a":"}"}',
    '{"a":"","b":""}',
  ])("are not where they only look like it: %s", (body) => {
    expect(parse(body)).toEqual(JSON.parse(body));
  });
});

it("gives back any other value as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), (value) => {
      const body = JSON.stringify(value);
      const sound = !/\\u(?:0000|d[89a-f])/u.test(body) && body === body.normalize("NFC");
      fc.pre(sound);
      expect(parse(body)).toEqual(JSON.parse(body));
    }),
  );
});
