import { expect, it } from "vitest";
import { type Condition, conditionText } from "./condition.ts";

it.each<[Condition, string]>([
  [{ state: "open" }, `c["state"] = "open"`],
  [{ state: ["open", "sent"] }, `c["state"] IN ("open", "sent")`],
  [{ attempts: 3 }, `c["attempts"] = 3`],
  [{ attempts: -1.5 }, `c["attempts"] = -1.5`],
  [{ legalHold: false }, `c["legalHold"] = false`],
  [{ legalHold: true }, `c["legalHold"] = true`],
  [{ value: { atMost: 10 } }, `c["value"] <= 10`],
  [{ consent: { absent: true } }, `NOT IS_DEFINED(c["consent"])`],
  [{ "consent.accepted": true }, `c["consent"]["accepted"] = true`],
  [{ "a.bC.D": "x_1" }, `c["a"]["bC"]["D"] = "x_1"`],
  [{ state: "open", value: { atMost: 1 } }, `c["state"] = "open" AND c["value"] <= 1`],
])("is written as the database reads it: %j", (condition, text) => {
  expect(conditionText(condition)).toBe(`FROM c WHERE ${text}`);
});

it.each<Condition>([
  { "": 1 },
  { ".a": 1 },
  { "1a": 1 },
  { a1: 1 },
  { "a b": 1 },
  { 'a"]': 1 },
  { "a\n": 1 },
  { state: "" },
  { state: "a b" },
  { state: " a" },
  { state: 'a"' },
  { state: "a\n" },
  { state: ["a", "b c"] },
  { attempts: Number.NaN },
  { attempts: Number.NEGATIVE_INFINITY },
  { value: { atMost: Number.POSITIVE_INFINITY } },
])("takes nothing that could be more than a word or a number: %j", (condition) => {
  expect(() => conditionText(condition)).toThrow(TypeError);
});
