import { expect, it } from "vitest";
import { actorTypes, eventTypes } from "./fact.ts";

it("names an event by a thing and what happened to it, each by one name", () => {
  expect(eventTypes.length).toBeGreaterThan(0);
  for (const type of eventTypes) expect(type).toMatch(/^[a-z]+\.[a-z][a-z_]*[a-z]$/u);
  expect(new Set(eventTypes).size).toBe(eventTypes.length);
});

it("knows the kinds of those who act by one word each", () => {
  expect(actorTypes.length).toBeGreaterThan(0);
  for (const type of actorTypes) expect(type).toMatch(/^[a-z]+$/u);
  expect(new Set(actorTypes).size).toBe(actorTypes.length);
});
