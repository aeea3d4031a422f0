import { copyFile, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Plugin } from "esbuild";
import { build } from "../../scripts/build.ts";
import type { Violation } from "./ledger.ts";

/** Another text in a source file. */
interface Patch {
  readonly file: string;
  /** As it stands in the file. */
  readonly text: string;
  readonly instead: string;
}

/** A control taken out of the app's source, and what the certificate must say of it. */
export interface PlantedFault {
  readonly patches: readonly Patch[];
  /** What certify is asked for, to be quick. */
  readonly args: readonly string[];
  /** The violation that it must name, among others. */
  readonly names: Partial<Violation>;
}

const noPredicate = { file: "shared/tenancy/repository.ts", text: "WHERE ${tenantPredicate} AND ", instead: "WHERE " };
const noGuard = { file: "shared/tenancy/database.ts", text: "    guard(request);\n", instead: "" };
const grantControl = "a grant that allows more than its one blob and purpose: shared/storage/grants.ts";

export const plantedFaults: Readonly<Record<string, PlantedFault>> = {
  "the tenant predicate is taken out of the repository": {
    patches: [noPredicate],
    args: ["--only", "database"],
    names: {
      operation: "appendLog",
      control: "a query left without the tenant predicate: shared/tenancy/repository.ts",
    },
  },
  "the guard is taken off the database's client": {
    patches: [noGuard],
    args: ["--only", "guard"],
    names: {
      operation: "getReadiness",
      target: "the guard",
      control: "the guard does not stop what it should: shared/tenancy/database.ts, shared/tenancy/guard.ts",
    },
  },
  "neither the predicate nor the guard is there": {
    patches: [noPredicate, noGuard],
    args: ["--only", "database"],
    names: {
      ...{ operation: "document.query", target: "callpilot/data" },
      control: "a query left without the tenant predicate: shared/tenancy/repository.ts",
    },
  },
  "nobody's permission is checked": {
    patches: [
      {
        file: "shared/auth/authenticate.ts",
        text: 'if (!may(caller, permission)) throw new Problem("forbidden", { detail: lackOf(caller, permission) });',
        instead: "",
      },
    ],
    args: ["--only", "matrix", "--functions", "getTenant,listMembers,listEvents"],
    names: {
      ...{
        operation: "listMembers",
        caller: "auditor",
        credential: "own tenant's",
        target: "own",
        expected: "403 forbidden",
      },
      control: "a permission check that is missing or wrong: shared/auth/authenticate.ts, shared/auth/permissions.ts",
    },
  },
  "cursors are made for no tenant and no query": {
    patches: [
      {
        file: "shared/tenancy/repository.ts",
        text: "cursorsOf((use) => protector(this.tenantId, use), kind.name, where, orderBy, request.from)",
        instead: 'cursorsOf(() => protector("platform", "cursor"))',
      },
    ],
    args: ["--only", "cursors"],
    names: {
      ...{ operation: "listSurveys", target: "the other tenant's cursor", expected: "400 invalid_cursor" },
      control: "a cursor that is not bound to its tenant and its query: shared/tenancy/repository.ts",
    },
  },
  "a grant to upload lets read, too": {
    patches: [
      {
        file: "shared/storage/grants.ts",
        text: 'grant(container, blobName, "cw",',
        instead: 'grant(container, blobName, "rcw",',
      },
    ],
    args: ["--only", "grants"],
    names: { credential: "upload grant", target: "read the own upload", control: grantControl },
  },
  "a grant is for the whole container": {
    patches: [
      {
        file: "shared/storage/grants.ts",
        text: "      blobName,\n      permissions: BlobSASPermissions.parse(permissions),",
        instead: "      permissions: BlobSASPermissions.parse(permissions),",
      },
    ],
    args: ["--only", "grants"],
    names: { credential: "upload grant", target: "overwrite a blob of the own tenant", control: grantControl },
  },
};

/** Builds the app with the fault in it, into a folder of its own. Throws where the source has no such text any more. */
export async function buildWithFault({ patches }: Pick<PlantedFault, "patches">, appDir: string): Promise<void> {
  const planted = new Set<Patch>();
  const plugin: Plugin = {
    name: "planted-fault",
    setup: (bundle) => {
      bundle.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const here = patches.filter(({ file }) => resolve(file) === path);
        if (here.length === 0) return undefined;
        let contents = await readFile(path, "utf8");
        for (const patch of here) {
          if (contents.includes(patch.text)) planted.add(patch);
          contents = contents.replaceAll(patch.text, patch.instead);
        }
        return { contents, loader: "ts" };
      });
    },
  };
  await build({ outdir: join(appDir, "dist"), plugins: [plugin] });
  for (const { file, text } of patches.filter((patch) => !planted.has(patch)))
    throw new Error(`${file} has no longer the text that the fault replaces: ${text}`);
  for (const name of ["package.json", "host.json"]) await copyFile(name, join(appDir, name));
}
