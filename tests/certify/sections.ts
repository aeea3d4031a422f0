import { canaries } from "./canaries.ts";
import { cursors } from "./cursors.ts";
import { database } from "./database.ts";
import { forgeries } from "./forgeries.ts";
import { grants } from "./grants.ts";
import { guard, noteRefusals } from "./guard.ts";
import { type Promised, Section } from "./ledger.ts";
import { matrix } from "./matrix.ts";
import type { Run } from "./run.ts";
import { tokens } from "./tokens.ts";

const guardPromise: Promised = {
  name: "guard",
  title: "The guard before the database",
  promise: "A request for data that is not for the caller's company is stopped inside the program, before it leaves.",
  how: "The running program tries to get past its own guard, in four ways, whenever it is asked whether it is ready; it is asked. Then its log of this whole run is searched for requests that the guard had to stop: correct code makes none.",
  minimums: { "times the app tried to get past its guard, and was stopped": 3 },
};

/** A run that the guard ended before anything could be tried. */
export function endedByGuard(refused: Parameters<typeof noteRefusals>[1]): Section {
  const section = new Section(guardPromise);
  noteRefusals(section, refused);
  return section;
}

/** One part of a run: what it promises, and the attack on that promise. */
export interface Part {
  readonly promised: Promised;
  readonly attack: (run: Run, section: Section, onProgress: (share: number) => void) => Promise<void>;
}

const parts: readonly Part[] = [
  {
    promised: {
      name: "matrix",
      title: "Every function, every caller, every target",
      promise:
        "Whoever asks gets their own company's things and nothing of another's. What belongs to somebody else looks exactly like what does not exist.",
      how: "Every function is called by every kind of caller, with the own, another company's and a lying credential, aimed at things of the own company, of another, at missing, malformed and unassigned ones. Each refusal must be the one allowed answer to the byte, and both companies' stored data must stay as they were.",
      minimums: {
        "distinct (function, caller, credential, target)": 3_000,
        "succeeded on the caller's own (twins)": 60,
        "functions with a twin that succeeds": 30,
      },
    },
    attack: matrix,
  },
  {
    promised: {
      name: "credentials",
      title: "Forged credentials",
      promise:
        "Nobody gets in with a credential that was made up, altered, borrowed in part or meant for something else.",
      how: "Access tokens are altered, signed by strangers, or signed by the issuer itself for another purpose; sessions and keys are altered and mixed with another company's. Every function must refuse each of them.",
      minimums: { "kinds of forgery": 25, "forged credentials refused (401)": 500, "genuine ones taken (twins)": 25 },
    },
    attack: forgeries,
  },
  {
    promised: {
      name: "tokens",
      title: "Links and one-time tokens",
      promise: "A link or an invitation opens what it was made for, once it is whole and as long as it is valid.",
      how: "Links and invitations are altered letter by letter, mixed with another company's, shown where they do not belong and after they were replaced. All of these must look alike.",
      minimums: { "kinds of tampering": 6, "tampered tokens refused (401)": 30, "genuine ones taken (twins)": 2 },
    },
    attack: tokens,
  },
  {
    promised: {
      name: "cursors",
      title: "Page markers of lists",
      promise: "The marker that leads to the next page of a list leads nowhere else.",
      how: "For every list: bits of the marker are flipped, and markers of the other company, of another list and of another query are tried.",
      minimums: { lists: 3, "cursors refused (400)": 120, "own cursors taken (twins)": 5 },
    },
    attack: cursors,
  },
  {
    promised: {
      name: "grants",
      title: "Links to videos",
      promise: "A link for sending or watching a video works for this one video, in this one way, for minutes.",
      how: "Such links are used to read, list, overwrite and delete other videos, other containers and another company's, and their terms are altered.",
      minimums: { "kinds of misuse": 35, "refused by the storage": 60, "used for what they are for (twins)": 2 },
    },
    attack: grants,
  },
  {
    promised: {
      name: "database",
      title: "What the database itself saw",
      promise:
        "Every request for data names the one company that it is for, and reaches only that company's part of the database.",
      how: "The database records what reaches it during this whole run, refused attempts included. Each request must name the whole partition key of a company, each query the company as well; none may be for another company than that of the credential which caused it; and every function must have asked for its caller's own.",
      minimums: {
        "functions seen to ask for their caller's own": 25,
        "database requests examined": 100,
        "of them compared with the credential that caused them": 80,
      },
    },
    attack: database,
  },
  { promised: guardPromise, attack: guard },
  {
    promised: {
      name: "canaries",
      title: "Words that must not travel",
      promise: "What one company writes is never shown to another, nor in a log, nor in a mail that tells of another.",
      how: "Two companies are filled with a word each that stands nowhere else. Every answer, with its headers, that anybody else got in this whole run is searched for it and for the ids of that company's things; so are the log and all mails.",
      minimums: {
        "free texts with a canary": 8,
        "answers searched": 40,
        "own answers that show the own canary (the search works)": 8,
        "log lines searched": 50,
        "mails searched": 2,
      },
    },
    attack: canaries,
  },
];

export const sectionNames: readonly string[] = parts.map(({ promised: { name } }) => name);

/** Runs the parts, in their order. */
export async function runParts(
  run: Run,
  only: readonly string[],
  { onProgress, onEnd }: { onProgress: (section: Section, share: number) => void; onEnd: (section: Section) => void },
): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const { promised, attack } of parts.filter(({ promised: { name } }) => only.includes(name))) {
    const section = new Section(promised);
    sections.push(section);
    onProgress(section, 0);
    await attack(run, section, (share) => {
      onProgress(section, share);
    });
    onEnd(section);
  }
  return sections;
}
