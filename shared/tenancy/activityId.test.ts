import { expect, it } from "vitest";
import { activityId } from "./activityId.ts";

it("is a UUID of its own for each request, and the same each time", () => {
  const ids = ["request-1", "request-2", "01JGZ0000000000000000000ZZ"].map(activityId);
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/u);
  expect(activityId("request-1")).toBe(ids[0]);
});
