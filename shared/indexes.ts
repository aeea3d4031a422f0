import { kinds } from "./kinds.ts";
import { type IndexPath, compositeIndexes } from "./tenancy/kind.ts";

/** The composite indexes of the container `data`: they follow from the lists that kinds can be read as. */
export const dataIndexes: readonly (readonly IndexPath[])[] = compositeIndexes(kinds);
