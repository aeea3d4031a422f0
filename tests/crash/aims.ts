import type { Random } from "../certify/random.ts";
import { type Stage, stages } from "./stages.ts";
import type { Phase } from "./watch.ts";

/** When an instance is to be killed. */
export interface Aim {
  readonly stage: Stage;
  readonly phase: Phase;
  /** Whether a second instance is at work. */
  readonly two: boolean;
  /** Milliseconds after which it comes, wherever the app is. */
  readonly chance?: number;
}

/** Stages that files tell of: they have no answer. */
const unanswered: readonly Stage[] = ["encode", "poster and storyboard"];

/** All stages in turns, each turn in an order of its own; each seventh moment is left to chance. */
export function aimsOf(kills: number, random: Random): readonly Aim[] {
  let turn: Stage[] = [];
  return Array.from({ length: kills }, (_, at) => {
    if (turn.length === 0) turn = [...stages];
    const [stage = "claim"] = turn.splice(random.below(turn.length), 1);
    const phase = unanswered.includes(stage) || random.below(2) === 0 ? "reached" : "answered";
    const two = random.below(4) === 0;
    return { stage, phase, two, ...(at % 7 === 6 && { chance: random.below(3_000) }) };
  });
}
