import { randomBytes } from "node:crypto";
import { UsageError, commandOptions } from "../../local/options.ts";
import { operations } from "../support/contracts.ts";
import { sectionNames } from "./sections.ts";

const functionNames = operations.map(({ name }) => name);

export interface CertifyOptions {
  readonly help: boolean;
  /** Folder of the state of the stack to certify. */
  readonly data: string;
  /** Folder that the certificate is written to. */
  readonly out: string;
  /** The sections that are run; all unless given. */
  readonly only: readonly string[];
  /** The functions that are attacked; all unless given. */
  readonly functions: readonly string[];
  readonly seed: string;
  /** A certificate to check, instead of making one. */
  readonly verify?: string;
}

export const help = `
npm run certify -- [options]

Attacks a running stack as clients would and writes the isolation certificate: a signed
reports/isolation-certificate.json and a page for people beside it. Uses the stack that npm start
runs, else boots one in a temporary folder and stops it afterwards. Exit code 0: nothing that was
tried came through, and enough was tried. 1: something did; the output names the place. 2: the
certificate could not be made.

  --data FOLDER    folder of the running stack's state, .local by default
  --out FOLDER     where the certificate is written, reports by default
  --only NAMES     these sections only, separated by commas: a certificate of a part
                     ${sectionNames.join(", ")}
  --functions NAMES
                   these functions only, where a section goes through all of them
  --seed TEXT      repeats the random choices of an earlier run
  --verify FILE    checks the signature of a certificate, and that it says what it says
  --help           shows this
`;

/** Throws {@link UsageError} for what is no option. */
export function parseOptions(args: readonly string[]): CertifyOptions {
  const values = parsed(args);
  const only = values.only?.split(",") ?? sectionNames;
  const functions = values.functions?.split(",") ?? functionNames;
  refuseUnknown("--only", only, sectionNames);
  refuseUnknown("--functions", functions, functionNames);
  return {
    help: values.help,
    data: values.data,
    out: values.out,
    only,
    functions,
    seed: values.seed ?? randomBytes(4).toString("hex"),
    ...(values.verify !== undefined && { verify: values.verify }),
  };
}

function refuseUnknown(option: string, given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`${option} takes ${known.join(", ")}: ${unknown} is none of them.`);
}

function parsed(args: readonly string[]) {
  return commandOptions(
    {
      args: [...args],
      options: {
        help: { type: "boolean", default: false },
        data: { type: "string", default: ".local" },
        out: { type: "string", default: "reports" },
        only: { type: "string" },
        functions: { type: "string" },
        seed: { type: "string" },
        verify: { type: "string" },
      },
    },
    "npm run certify -- --help shows the options.",
  );
}
