import { Type } from "@sinclair/typebox";
import { Choice, type Static, Whole, closed, optional } from "../schema.ts";

export const gateActions = ["off", "hint", "retake"] as const;
const Action = Choice(
  gateActions,
  "hint: members are told with the video; retake: the guest is asked, once for a question, to record it again",
);
const OfTime = closed({
  action: Action,
  share: optional(
    Type.Number({ minimum: 0.05, maximum: 1, description: "Share of its time from which on it is so; 0.5 by default" }),
  ),
});

/** What is made of a recording that can be played but shows or tells too little. */
export const Gates = closed(
  {
    short: optional(
      closed({ action: Action, seconds: Whole(1, 3_600, "Below minSeconds a recording is refused; this is above it") }),
    ),
    black: optional(OfTime),
    silent: optional(OfTime),
    frozen: optional(OfTime),
  },
  "What its analysis is to lead to. By default a black, silent or frozen recording gets a hint",
);
export type Gates = Static<typeof Gates>;
