import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, inject, test } from "vitest";
import { parameterNames, routeParameters } from "../../shared/triggers/contract.ts";
import { operations, registrations } from "../support/contracts.ts";
import { caseNames, every } from "./cases.ts";

/** Answers to browsers, about every path: no operation. */
const withoutContract = ["preflight"];

/** Changes by guests of what only they change: the last word counts. And an end that must not wait for a version. */
const withoutPrecondition = ["answerQuestion", "cancelUpload", "giveConsent", "revokeKey"];

const root = join(import.meta.dirname, "..", "..");
const files = globSync("functions/*/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
const fileNames = files.map((file) => basename(file, ".ts")).sort();

test("every file registers one function, under its own name", () => {
  expect(
    registrations()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(fileNames);
  expect(new Set(fileNames.map((name) => name.toLowerCase())).size).toBe(files.length);
});

test("the running app has the functions that the sources register", () => {
  expect([...inject("stack").functions].sort()).toEqual(fileNames);
});

test("every HTTP function has a contract", () => {
  const http = registrations().filter(({ trigger }) => trigger === "httpTrigger");
  expect(http.map(({ name }) => name).sort()).toEqual(
    [...operations.map(({ name }) => name), ...withoutContract].sort(),
  );
});

test("every operation has a case in these tests, and no case is left of one that is gone", () => {
  expect([...caseNames].sort()).toEqual(operations.map(({ name }) => name).sort());
});

test("no two operations share a method and a route", () => {
  const routes = operations.map(
    ({ contract: { method, route, unversioned } }) =>
      `${method} ${unversioned === true ? "" : "v1/"}${route.replaceAll(/\{\w+\}/gu, "{}")}`,
  );
  expect(new Set(routes).size).toBe(routes.length);
});

test.each(every())("%s is described and routed by the rules", (name, { folder, contract }) => {
  const { method, route, policy, body, success, repeat, precondition, unversioned } = contract;
  expect(parameterNames(route).filter((parameter) => !Object.hasOwn(routeParameters, parameter))).toEqual([]);
  // What a route names is reached by a policy; one that names nothing needs none.
  expect(policy !== undefined).toBe(parameterNames(route).length > 0);
  expect(contract.summary).not.toBe("");
  if (unversioned === true) expect(folder).toBe("system");
  if (method === "GET" || method === "DELETE") expect(body).toBeUndefined();
  expect(success.body === undefined).toBe(success.status === 204 || success.document !== undefined);
  if (method === "POST") expect(repeat).toBeDefined();
  if (method !== "POST" && method !== "GET")
    expect(precondition !== undefined || withoutPrecondition.includes(name)).toBe(true);
});
