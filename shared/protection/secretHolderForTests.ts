import { writeHeapSnapshot } from "node:v8";
import { now } from "../clock.ts";
import { KeyRing } from "./keyRing.ts";
import { protectorOf } from "./protector.ts";
import { Secrets } from "./secrets.ts";
import { vaultKeyWrap } from "./vault.ts";
import { memoryStore } from "./ringStoreForTests.ts";

/**
 * A process that uses the secrets `cached` and `held`, keeps the second as text against the rules, and writes its heap
 * to the file named by its first argument.
 */
const ring = new KeyRing({ store: memoryStore(), wrap: vaultKeyWrap, mayCreate: true, now });
const secrets = new Secrets(() => protectorOf(() => ring, "platform", "secret-cache"));
const lengths = [];
for (let use = 0; use < 3; use++) lengths.push(await secrets.use("cached", (bytes) => bytes.length));
const held = await secrets.use("held", (bytes) => bytes.toString());
writeHeapSnapshot(process.argv[2]);
process.stdout.write(JSON.stringify({ lengths, held: held.length }));
