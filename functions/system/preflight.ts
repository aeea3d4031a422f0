import { app } from "@azure/functions";
import { preflight as answerPreflight } from "../../shared/triggers/preflight.ts";

/** Answers every preflight request of a browser (CORS); the operations themselves know nothing of it. */
export const preflight = answerPreflight();
app.http("preflight", preflight);
