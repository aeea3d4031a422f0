import { app } from "@azure/functions";
import { now } from "../../shared/clock.ts";
import { rotateKeyRing as rotate } from "../../shared/protection/protection.ts";
import { timerTrigger } from "../../shared/triggers/timerTrigger.ts";

/**
 * Adds the first key of the key ring, and the next one a week before the last expires, so that it may fail for days. Every
 * five minutes, since a new environment answers nothing before; nearly always that is one look at the ring.
 */
export const rotateKeyRing = timerTrigger({
  schedule: "45 */5 * * * *",
  handler: () => rotate(now()),
});
app.timer("rotateKeyRing", rotateKeyRing);
