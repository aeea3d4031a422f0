import { app } from "@azure/functions";
import { now } from "../../shared/clock.ts";
import { rotateSecrets as rotate } from "../../shared/protection/rotateSecrets.ts";
import { timerTrigger } from "../../shared/triggers/timerTrigger.ts";

/**
 * Makes the app's own secrets in a vault that has none yet, and their next versions before they expire. Every five minutes,
 * since a new environment answers nothing before; nearly always that is one look at the vault.
 */
export const rotateSecrets = timerTrigger({
  schedule: "30 */5 * * * *",
  handler: () => rotate(now()),
});
app.timer("rotateSecrets", rotateSecrets);
