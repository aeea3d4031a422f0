import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Settings, differences } from "./settings.ts";

const wanted = JSON.parse(readFileSync(".gitlab/settings.json", "utf8")) as Settings;

/** GitLab's answers about a project that has all that is wanted, as its API gives them, with more beside it. */
function answers(): Record<string, unknown> {
  const level = (words: string) => ({ access_level: 40, access_level_description: words });
  return {
    "": { id: 1, name: "callpilot", ...wanted.project },
    "/approvals": { approvals_before_merge: 0, ...wanted.approvals },
    "/push_rule": { id: 2, max_file_size: 5, ...wanted.pushRules },
    "/approval_rules": [{ id: 3, name: "Another engineer", approvals_required: 1, rule_type: "regular" }],
    "/protected_branches/main": {
      name: "main",
      push_access_levels: [level("No one")],
      merge_access_levels: [level("Maintainers")],
      allow_force_push: false,
      code_owner_approval_required: true,
    },
  };
}

const found = (given: Record<string, unknown>) => differences(wanted, (path) => Promise.resolve(given[path]));

test("a project that has all that is wanted has no difference", async () => {
  expect(await found(answers())).toEqual([]);
});

test.each([
  [
    "",
    "only_allow_merge_if_pipeline_succeeds",
    false,
    "project: only_allow_merge_if_pipeline_succeeds is false, wanted is true",
  ],
  [
    "/approvals",
    "merge_requests_author_approval",
    true,
    "approvals: merge_requests_author_approval is true, wanted is false",
  ],
  ["/approvals", "reset_approvals_on_push", false, "approvals: reset_approvals_on_push is false, wanted is true"],
  ["/push_rule", "prevent_secrets", undefined, "push rules: prevent_secrets is not set, wanted is true"],
  ["/protected_branches/main", "allow_force_push", true, "main: allow_force_push is true, wanted is false"],
  [
    "/protected_branches/main",
    "code_owner_approval_required",
    false,
    "main: code_owner_approval_required is false, wanted is true",
  ],
  [
    "/protected_branches/main",
    "push_access_levels",
    [{ access_level_description: "Maintainers" }],
    "main: Maintainers may push, wanted is No one",
  ],
])("a setting at %s that is otherwise is told by its name: %s", async (path, name, value, message) => {
  const given = answers();
  given[path] = { ...(given[path] as object), [name]: value };
  expect(await found(given)).toEqual([message]);
});

test("a branch that is not protected, and a rule that is gone or weaker, are told", async () => {
  expect(await found({ ...answers(), "/protected_branches/main": undefined })).toEqual(["main is not protected"]);
  expect(await found({ ...answers(), "/approval_rules": [] })).toEqual([
    'approval rules: there is no rule "Another engineer"',
  ]);
  expect(
    await found({ ...answers(), "/approval_rules": [{ name: "Another engineer", approvals_required: 0 }] }),
  ).toEqual(['approval rules: "Another engineer" asks for 0, wanted are 1']);
});

test("nobody merges alone: somebody else has to approve, and the owners of what matters", () => {
  expect(wanted.approvals).toMatchObject({ merge_requests_author_approval: false, reset_approvals_on_push: true });
  expect(wanted.approvalRules["Another engineer"]?.["approvals_required"]).toBeGreaterThanOrEqual(1);
  expect(wanted.protectedBranches["main"]).toMatchObject({ push: ["No one"], code_owner_approval_required: true });
});

test("every path that has owners is there", () => {
  const owned = readFileSync(".gitlab/CODEOWNERS", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("/"))
    .map((line) => line.split(" ", 1)[0]?.slice(1) ?? "");
  expect(owned.length).toBeGreaterThan(10);
  expect(owned.filter((path) => !existsSync(path))).toEqual([]);
});
