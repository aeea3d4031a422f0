import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { lockedPackages } from "./packages/lockfile.ts";
import { billOfMaterials } from "./sbom/bill.ts";

/** Writes reports/sbom.cdx.json. */
const product = JSON.parse(readFileSync("package.json", "utf8")) as { name: string; version: string };
mkdirSync("reports", { recursive: true });
const bill = billOfMaterials(product, lockedPackages());
writeFileSync("reports/sbom.cdx.json", bill);
console.log(`reports/sbom.cdx.json: ${(JSON.parse(bill) as { components: unknown[] }).components.length} packages`);
