import { provideRingStore } from "./protection/protection.ts";
import { ringStore } from "./storage/ringStore.ts";

/** Hands lower floors what they need from higher ones. Does no I/O and may be repeated; every trigger begins with it. */
export function compose(): void {
  provideRingStore(ringStore);
}
