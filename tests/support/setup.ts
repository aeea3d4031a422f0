import { readFileSync } from "node:fs";
import { inject } from "vitest";
import { trust } from "../../local/certificates.ts";
import { useStack } from "./stackUnderTest.ts";

const stack = inject("stack");
useStack(stack);
// Certificates that vitest.config sets do not reach the forked processes.
trust(readFileSync(stack.caFile, "utf8"));
