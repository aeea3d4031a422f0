import { app } from "@azure/functions";
import { now } from "../../shared/clock.ts";
import { rotateKeyRing as rotate } from "../../shared/protection/protection.ts";
import { timerTrigger } from "../../shared/triggers/timerTrigger.ts";

/** Adds the next key of the key ring a week before the last one expires: daily, so that it may fail for days. */
export const rotateKeyRing = timerTrigger({
  schedule: "0 20 3 * * *",
  handler: () => rotate(now()),
});
app.timer("rotateKeyRing", rotateKeyRing);
