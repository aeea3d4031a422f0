import type { Scan } from "./runningApp.ts";

/** The scan as lines for a person. */
export function tableOf({ residues, heapBytes, memoryBytes }: Scan): string {
  const width = Math.max(...residues.map(({ name }) => name.length));
  const row = (name: string, ...columns: string[]) =>
    [name.padEnd(width), ...columns.map((column) => column.padStart(14))].join("  ");
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  return [
    row("found", "live objects", "all memory", "300 uses later"),
    ...residues.map(({ name, heap, memory, later }) => row(name, String(heap), String(memory), String(later))),
    row("looked through", megabytes(heapBytes), megabytes(memoryBytes)),
  ].join("\n");
}
