import { DatabaseSync } from "node:sqlite";
import { LocalError } from "../service.ts";

/** Rises with every change of the tables. */
const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE databases (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, etag TEXT NOT NULL, timestamp INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE containers (
    key INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL REFERENCES databases (key) ON DELETE CASCADE,
    id TEXT NOT NULL, etag TEXT NOT NULL, timestamp INTEGER NOT NULL, definition TEXT NOT NULL,
    lsn INTEGER NOT NULL DEFAULT 0, UNIQUE (database, id)
  ) STRICT;
  CREATE TABLE documents (
    key INTEGER PRIMARY KEY AUTOINCREMENT, container INTEGER NOT NULL REFERENCES containers (key) ON DELETE CASCADE,
    partition TEXT NOT NULL, id TEXT NOT NULL, kind TEXT, etag TEXT NOT NULL, timestamp INTEGER NOT NULL,
    lsn INTEGER NOT NULL, expires INTEGER, body TEXT NOT NULL,
    previous TEXT, UNIQUE (container, partition, id)
  ) STRICT;
  CREATE INDEX documents_by_kind ON documents (container, partition, kind);
  CREATE INDEX documents_by_lsn ON documents (container, lsn);
  CREATE INDEX documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;
`;

/** SQLite's own result codes: https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

function prepare(database: DatabaseSync, file: string): void {
  // WAL with NORMAL: a commit is in the operating system's hands when it is acknowledged, so it survives the end of
  // this process at any moment (SIGKILL); only a power cut may lose the last ones, which a local stack can bear.
  database.exec(`
    PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
    BEGIN IMMEDIATE; COMMIT;
  `);
  if (pragma(database, "quick_check(1)") !== "ok") throw damaged(file);
  const version = pragma(database, "user_version");
  if (version === 0) {
    database.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`);
  } else if (version !== SCHEMA_VERSION) {
    throw new LocalError(`The database ${file} is of another version: start afresh with npm start -- --fresh.`);
  }
}

function damaged(file: string, cause?: unknown): LocalError {
  return new LocalError(`The database ${file} is damaged: start afresh with npm start -- --fresh.`, { cause });
}

/** Opens or makes the database, for this process alone. Throws LocalError with what to do when that is impossible. */
export function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    prepare(database, file);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof LocalError) throw error;
    const { errcode, message } = error as Error & { readonly errcode?: number };
    if (errcode === SQLITE_BUSY) {
      throw new LocalError(`Another process uses the database ${file}: stop it first.`, { cause: error });
    }
    if (errcode === SQLITE_CORRUPT || errcode === SQLITE_NOTADB) throw damaged(file, error);
    throw new LocalError(`The database ${file} cannot be opened: ${message}.`, { cause: error });
  }
}
