import { expect, it } from "vitest";
import { databaseOfFileForTests, insideBoundaryForTests, openScopeForTests } from "./databaseForTests.ts";
import { defineKind } from "./kind.ts";

insideBoundaryForTests();

const database = databaseOfFileForTests({
  settings: { CALLPILOT_ENVIRONMENT: "sandbox", CALLPILOT_ROLE: "api", MALWARE_GATE: "off" },
});

const noteKind = defineKind<object>("note", { schemaVersion: 1, fields: {} });

it("is asked at the address that was given, in Azure as here, and not for another one", async () => {
  const since = database.cosmos.requests.latest;
  const tenant = openScopeForTests();
  await tenant.change().create(noteKind, "first", {}).commit({ target: "first" });
  await expect(tenant.repository.find(noteKind, "first")).resolves.toMatchObject({ id: "first" });
  expect(database.cosmos.requests.counters({ since })).toEqual({ "document.batch": 1, "document.read": 1 });
});
