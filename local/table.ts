import { relative } from "node:path";
import type { SeededTenant } from "./seed.ts";
import type { Stack } from "./stack.ts";

/** What a person wants to know once everything runs. */
export function readyTable(
  stack: Stack,
  tenants: readonly SeededTenant[],
  about: { readonly dataDir: string; readonly logFile: string; readonly bootMilliseconds: number },
): string {
  const here = (path: string) => relative(process.cwd(), path) || ".";
  const first = tenants[0];
  const rows: (readonly [string, string])[] = [
    ["API", `${stack.apiUrl}/v1`],
    ["API document", `${stack.apiUrl}/v1/openapi.json`],
    ["Mailbox", stack.mailUrl],
    ...(first === undefined
      ? []
      : ([
          ["Guest link", first.guestLink],
          ["Access token", `npm run --silent token -- --email ${first.members[0]?.email ?? ""}`],
        ] as const)),
    ["Main job", "npm run demo"],
    ["Data", `${here(about.dataDir)} (npm start -- --fresh begins anew)`],
    ["Log", here(about.logFile)],
    ["Certificate", `${here(stack.caFile)} (curl --cacert)`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  const members = tenants.map(({ name, members }) => `  ${name}: ${members.map(({ email }) => email).join(", ")}`);
  return [
    "",
    `Callpilot is ready (${(about.bootMilliseconds / 1000).toFixed(1)} s). Ctrl-C stops it; everything is kept.`,
    "",
    ...lines,
    ...(members.length > 0 ? ["", "People to sign in as", ...members] : []),
    "",
  ].join("\n");
}
