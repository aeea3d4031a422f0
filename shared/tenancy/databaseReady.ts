import { dataContainer } from "./database.ts";

/** Resolves when the database answers with the app's identity; rejects otherwise. */
export async function databaseReady(): Promise<void> {
  await dataContainer().read();
}
