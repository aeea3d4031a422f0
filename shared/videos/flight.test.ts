import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fault } from "../validator.ts";
import { Device, DeviceTold, type Flight, departure, maxRenewals, renewed } from "./flight.ts";
import { UploadRequest } from "./startUpload.ts";

const request = { questionId: "room", size: 1, contentType: "video/mp4" };

const agents = {
  chromeOnAndroid:
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
  safariOnPhone:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
  samsung:
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
  edge: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
  firefoxOnMac: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
};

describe("a User-Agent is reduced to brand, major version, system and kind:", () => {
  test.each([
    ["chromeOnAndroid", { client: "chrome", clientVersion: "131", system: "android", kind: "phone" }],
    ["safariOnPhone", { client: "safari", clientVersion: "26", system: "ios", kind: "phone" }],
    ["samsung", { client: "samsung_internet", clientVersion: "27", system: "android", kind: "phone" }],
    ["edge", { client: "edge", clientVersion: "131", system: "windows", kind: "computer" }],
    ["firefoxOnMac", { client: "firefox", clientVersion: "133", system: "macos", kind: "computer" }],
  ] as const)("%s", (name, device) => {
    expect(departure({ userAgent: agents[name] }, "video/mp4")).toEqual({ device });
  });

  test("what nobody knows says nothing", () => {
    expect(departure({ userAgent: "Gerda's own machine, 10 Downing Street" }, "video/mp4")).toEqual({});
    expect(departure({ userAgent: "(((((((((((" }, "video/mp4")).toEqual({});
  });

  test("none, however it is made, stops an upload", () => {
    fc.assert(
      fc.property(fc.stringMatching(new RegExp(DeviceTold.properties.userAgent.pattern ?? "", "u")), (userAgent) => {
        const flight = departure({ userAgent }, "video/mp4");
        expect(fault(UploadRequest, { ...request, device: { userAgent } })).toBeUndefined();
        expect(flight.device === undefined || fault(Device, flight.device) === undefined).toBe(true);
      }),
    );
  });

  test("what the device names itself counts more", () => {
    const told = { userAgent: agents.safariOnPhone, system: "ipados", systemVersion: "26.1", kind: "tablet" } as const;
    expect(departure(told, "video/mp4").device).toEqual({
      ...{ client: "safari", clientVersion: "26" },
      ...{ system: "ipados", systemVersion: "26.1", kind: "tablet" },
    });
  });
});

test.each([
  ['video/webm;codecs="vp9,opus"', ["vp9", "opus"]],
  ["video/webm; codecs=vp8", ["vp8"]],
  ['video/mp4;codecs="avc1.42E01E, mp4a.40.2"', ["h264", "aac"]],
  ['video/mp4; codecs="hvc1.1.6.L93.B0"', ["hevc"]],
  ['video/x-matroska;codecs="vp09.00.10.08,vp09.00.10.08,av01.0.04M.08"', ["vp9", "av1"]],
  ["video/mp4", undefined],
  ['video/mp4;codecs="Gerda Guest"', undefined],
  ["no type at all", undefined],
])("the codecs of %s are known words or nothing", (contentType, codecs) => {
  expect(departure(undefined, contentType).codecs).toEqual(codecs);
});

describe("a renewal is kept", () => {
  const startedAt = "2026-11-25T12:00:00.000Z";
  const after = (seconds: number, receivedBytes: number) => ({
    at: new Date(Date.parse(startedAt) + seconds * 1000).toISOString(),
    receivedBytes,
  });

  test("where more has arrived than at the last one", () => {
    const once = renewed({ blocks: 1 }, startedAt, after(60, 10));
    expect(once).toEqual({ blocks: 1, renewals: [after(60, 10)] });
    expect(renewed(once ?? {}, startedAt, after(120, 20))?.renewals).toEqual([after(60, 10), after(120, 20)]);
    expect(renewed(once ?? {}, startedAt, after(120, 10))).toBeUndefined();
    expect(renewed({}, startedAt, after(60, 0))).toBeUndefined();
  });

  test("half a minute after the start or the last one, not before", () => {
    expect(renewed({}, startedAt, after(29, 10))).toBeUndefined();
    expect(renewed({}, startedAt, after(30, 10))?.renewals).toHaveLength(1);
    const flight = { renewals: [after(60, 10)] };
    expect(renewed(flight, startedAt, after(89, 20))).toBeUndefined();
    expect(renewed(flight, startedAt, after(90, 20))?.renewals).toHaveLength(2);
  });

  test("until there are so many that nobody reads them", () => {
    let flight: Flight = {};
    for (let count = 1; count <= maxRenewals; count++)
      flight = renewed(flight, startedAt, after(count * 60, count)) ?? {};
    expect(flight.renewals).toHaveLength(maxRenewals);
    expect(renewed(flight, startedAt, after(100_000, 100_000))).toBeUndefined();
  });
});
