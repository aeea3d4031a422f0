import type { RingStore } from "./keyRing.ts";

/** A ring's store in memory, with the conditions of the blob that it is in production. */
export function memoryStore(): RingStore & { failing: boolean; reads: number } {
  let stored: { text: string; etag: string } | undefined;
  let writes = 0;
  return {
    failing: false,
    reads: 0,
    async read() {
      this.reads++;
      await Promise.resolve();
      if (this.failing) throw new Error("The store is down.");
      return stored === undefined ? undefined : { document: JSON.parse(stored.text) as unknown, etag: stored.etag };
    },
    async write(document, etag) {
      await Promise.resolve();
      if (this.failing) throw new Error("The store is down.");
      if (stored?.etag !== etag) return undefined;
      stored = { text: JSON.stringify(document), etag: `"${++writes}"` };
      return stored.etag;
    },
  };
}
