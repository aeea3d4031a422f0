import { readFileSync } from "node:fs";
import { inject } from "vitest";
import { trust } from "../../local/certificates.ts";

// Certificates that vitest.config sets do not reach the forked processes.
trust(readFileSync(inject("stack").caFile, "utf8"));
