import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { committedResourcesForTests, environments } from "../../scripts/bicep/snapshots.ts";
import { operations } from "../support/contracts.ts";

const files = [...globSync("docs/operations/*.md"), "bicep/README.md"];
const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
const routes = operations.map(
  ({ contract: { method, route, unversioned } }) => `${method} /${unversioned === true ? "" : "v1/"}${route}`,
);

/** All that a file says in that form, once each. */
function said(text: string, form: RegExp): readonly string[] {
  return [...new Set(Array.from(text.matchAll(form), ([whole, part]) => part ?? whole))];
}

test("there are runbooks", () => {
  expect(files.length).toBeGreaterThan(8);
});

test.each(files)("%s names commands, operations and files that there are", (file) => {
  const text = readFileSync(file, "utf8");
  const commands = said(text, /npm run ([\w:-]+)/gu);
  expect(commands.filter((name) => scripts[name] === undefined)).toEqual([]);
  const steps = said(text, /npm run deploy -- (\w+)/gu);
  const known = ["fetch", "infrastructure", "permit", "stage", "swap", "smoke", "settings"];
  expect(steps.filter((step) => !known.includes(step))).toEqual([]);
  const named = said(text, /\b(?:GET|POST|PUT|PATCH|DELETE) \/[\w/{}-]+/gu);
  expect(named.filter((operation) => !routes.includes(operation))).toEqual([]);
  const links = said(text, /\]\(([^()\s]+)\)/gu).filter((link) => !link.startsWith("http"));
  expect(links.filter((link) => !existsSync(join(dirname(file), link)))).toEqual([]);
  const paths = said(text, /`((?:bicep|scripts|shared|docs|\.gitlab|tests)\/[\w/.-]+\.\w+)`/gu);
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});

test("every alert of the infrastructure has its line", () => {
  const text = readFileSync("docs/operations/README.md", "utf8");
  const alerts = said(readFileSync("bicep/modules/alerts.bicep", "utf8"), /name: '([a-z-]+)'\n {4}says:/gu);
  expect(alerts.length).toBeGreaterThan(4);
  expect([...alerts, "dead-letters", "near-expiry"].filter((alert) => !text.includes(alert))).toEqual([]);
});

test("the first deployment registers the provider of everything that is deployed", async () => {
  const all = (await Promise.all(environments.map((each) => committedResourcesForTests(each)))).flat();
  const providers = new Set(all.map(({ type }) => type.split("/", 1)[0] ?? ""));
  // Every subscription has this one.
  providers.delete("Microsoft.Authorization");
  const text = readFileSync("docs/operations/first-deployment.md", "utf8");
  const named = said(text, /`(Microsoft\.[A-Za-z]+)`/gu);
  expect(named.toSorted()).toEqual([...providers].toSorted());
});
