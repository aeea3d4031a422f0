import type { Kill, Report } from "./simulate.ts";
import { stages } from "./stages.ts";

/** The report as lines for a person. */
export function tableOf(report: Report): string {
  const { kills, ofTwo, accepted, states, webhooks, cutOff, failures, seconds, violations } = report;
  const width = Math.max(...stages.map((stage) => stage.length));
  const row = (name: string, ...columns: (string | number)[]) =>
    [name.padEnd(width), ...columns.map((column) => String(column).padStart(9))].join("  ");
  const count = (stage: Kill["stage"], aim: Kill["aim"]) =>
    kills.filter((kill) => kill.stage === stage && kill.aim === aim).length;
  const counts = (record: Readonly<Record<string, number>>) =>
    Object.entries(record)
      .map(([name, number]) => `${name} ${number}`)
      .join(", ") || "none";
  return [
    row("killed at", "aimed", "by chance"),
    ...[...stages, "nothing" as const].map((stage) => row(stage, count(stage, "stage"), count(stage, "chance"))),
    row(
      "together",
      kills.filter(({ aim }) => aim === "stage").length,
      kills.filter(({ aim }) => aim === "chance").length,
    ),
    `${ofTwo} kills struck one of two instances`,
    `${accepted} uploads accepted; all videos: ${counts(states)}`,
    `webhooks: ${webhooks.events} events in ${webhooks.requests} requests, ${webhooks.refused} of them refused`,
    `guests: ${cutOff} calls cut off; answers of 500 and above: ${counts(failures)}`,
    `${Math.round(seconds)} s`,
    violations.length === 0 ? "nothing lost, nothing twice, nothing left over" : `${violations.length} violations:`,
    ...violations.slice(0, 40),
  ].join("\n");
}
