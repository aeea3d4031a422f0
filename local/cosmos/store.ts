import { randomInt, randomUUID } from "node:crypto";
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { LocalError } from "../service.ts";
import type { PartitionRange } from "./partitionKey.ts";

export type Item = Record<string, unknown>;

export interface PartitionKeyDefinition {
  readonly paths: readonly string[];
  readonly kind: "Hash" | "MultiHash";
  readonly version: number;
}

export interface IndexingPolicy {
  readonly includedPaths?: readonly { readonly path: string }[];
  readonly excludedPaths?: readonly { readonly path: string }[];
  readonly compositeIndexes?: readonly (readonly { readonly path: string; readonly order?: string }[])[];
}

/** What a container is made of, as the REST API states it. */
export interface ContainerDefinition extends Item {
  readonly id: string;
  readonly partitionKey: PartitionKeyDefinition;
  readonly indexingPolicy: IndexingPolicy;
  /** Seconds; -1: only items with a `ttl` of their own expire; absent: nothing does. */
  readonly defaultTtl?: number;
}

export interface Database {
  readonly key: number;
  readonly id: string;
  readonly etag: string;
  /** Unix seconds. */
  readonly timestamp: number;
}

export interface Container extends Database {
  readonly database: Database;
  readonly definition: ContainerDefinition;
}

/** A live document: its own properties, and what the service keeps about it. */
export interface StoredDocument {
  readonly key: number;
  readonly id: string;
  readonly body: Item;
  readonly etag: string;
  /** Unix seconds. */
  readonly timestamp: number;
  /** Number of the transaction that wrote this version. */
  readonly lsn: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS databases (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, etag TEXT NOT NULL, timestamp INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS containers (
    key INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL REFERENCES databases (key) ON DELETE CASCADE,
    id TEXT NOT NULL, etag TEXT NOT NULL, timestamp INTEGER NOT NULL, definition TEXT NOT NULL,
    lsn INTEGER NOT NULL DEFAULT 0, UNIQUE (database, id)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS documents (
    key INTEGER PRIMARY KEY AUTOINCREMENT, container INTEGER NOT NULL REFERENCES containers (key) ON DELETE CASCADE,
    partition TEXT NOT NULL, id TEXT NOT NULL, kind TEXT, etag TEXT NOT NULL, timestamp INTEGER NOT NULL,
    lsn INTEGER NOT NULL, expires INTEGER, body TEXT NOT NULL, UNIQUE (container, partition, id)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS documents_by_kind ON documents (container, partition, kind);
  CREATE INDEX IF NOT EXISTS documents_by_lsn ON documents (container, lsn);
  CREATE INDEX IF NOT EXISTS documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;
`;

const LIVE = "(expires IS NULL OR expires > :now)";
const COLUMNS = "key, id, etag, timestamp, lsn, body";

const MAX_TTL = 2_147_483_647;

/** When a document expires, in Unix milliseconds; null: never. The container's default switches expiry on. */
export function expiryOf(item: Item, definition: ContainerDefinition, writtenAt: number): number | null {
  if (definition.defaultTtl === undefined) return null;
  const ttl = typeof item["ttl"] === "number" ? item["ttl"] : definition.defaultTtl;
  return ttl === -1 ? null : writtenAt + Math.min(ttl, MAX_TTL) * 1000;
}

type Row = Record<string, SQLOutputValue>;

function toDocument(row: Row): StoredDocument {
  return {
    key: Number(row["key"]),
    id: String(row["id"]),
    body: JSON.parse(String(row["body"])) as Item,
    etag: String(row["etag"]),
    timestamp: Number(row["timestamp"]),
    lsn: Number(row["lsn"]),
  };
}

function toDatabase(row: Row): Database {
  return {
    key: Number(row["key"]),
    id: String(row["id"]),
    etag: String(row["etag"]),
    timestamp: Number(row["timestamp"]),
  };
}

function open(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    // WAL with NORMAL: a commit is in the operating system's hands when it is acknowledged, so it survives the end of
    // this process at any moment (SIGKILL); only a power cut may lose the last ones, which a local stack can bear.
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      PRAGMA foreign_keys = ON; BEGIN IMMEDIATE; ${SCHEMA} COMMIT;
    `);
    const { quick_check: verdict } = database.prepare("PRAGMA quick_check(1)").get() ?? {};
    if (verdict !== "ok") throw new Error(String(verdict));
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof Error && error.message.includes("database is locked")) {
      throw new LocalError(`Another process uses the database ${file}: stop it first.`, { cause: error });
    }
    throw new LocalError(`The database ${file} is damaged: start afresh with npm start -- --fresh.`, { cause: error });
  }
}

/**
 * Databases, containers and documents in one SQLite file. Every write transaction on a container takes the next log
 * sequence number (LSN), which orders the change feed. Expired documents are invisible at once and purged later.
 */
export class Store {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #containers = new Map<string, Container>();

  /** @throws LocalError when the file is damaged or another process holds it. */
  constructor(file: string) {
    this.#database = open(file);
  }

  close(): void {
    this.#database.close();
  }

  /** Removes documents that have expired. */
  purge(): void {
    this.#sql("DELETE FROM documents WHERE expires <= :now").run({ now: Date.now() });
  }

  databases(): Database[] {
    return this.#sql("SELECT * FROM databases ORDER BY id").all().map(toDatabase);
  }

  database(id: string): Database | undefined {
    const row = this.#sql("SELECT * FROM databases WHERE id = ?").get(id);
    return row && toDatabase(row);
  }

  /** @returns false when there is a database of that name. */
  createDatabase(id: string): boolean {
    // A random key, as resource ids and thus continuations derive from it: those of another time must not fit.
    const key = randomInt(1, 2 ** 32);
    const sql = "INSERT INTO databases (key, id, etag, timestamp) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    return this.#sql(sql).run(key, id, newEtag(), seconds()).changes === 1;
  }

  deleteDatabase(database: Database): void {
    this.#sql("DELETE FROM databases WHERE key = ?").run(database.key);
    this.#containers.clear();
  }

  containers(database: Database): Container[] {
    const rows = this.#sql("SELECT * FROM containers WHERE database = ? ORDER BY id").all(database.key);
    return rows.map((row) => this.#toContainer(database, row));
  }

  container(databaseId: string, id: string): Container | undefined {
    const path = JSON.stringify([databaseId, id]);
    const known = this.#containers.get(path);
    if (known !== undefined) return known;
    const database = this.database(databaseId);
    if (database === undefined) return undefined;
    const row = this.#sql("SELECT * FROM containers WHERE database = ? AND id = ?").get(database.key, id);
    if (row === undefined) return undefined;
    const container = this.#toContainer(database, row);
    this.#containers.set(path, container);
    return container;
  }

  /** @returns false when there is a container of that name. */
  createContainer(database: Database, definition: ContainerDefinition): boolean {
    const sql = `INSERT INTO containers (database, id, etag, timestamp, definition) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING`;
    const text = JSON.stringify(definition);
    return this.#sql(sql).run(database.key, definition.id, newEtag(), seconds(), text).changes === 1;
  }

  /** A new default TTL counts for the documents that are there, too. */
  replaceContainer(container: Container, definition: ContainerDefinition): void {
    this.transaction(() => {
      this.#sql("UPDATE containers SET etag = ?, timestamp = ?, definition = ? WHERE key = ?").run(
        newEtag(),
        seconds(),
        JSON.stringify(definition),
        container.key,
      );
      for (const row of this.#sql(`SELECT ${COLUMNS} FROM documents WHERE container = ?`).all(container.key)) {
        const document = toDocument(row);
        const expires = expiryOf(document.body, definition, document.timestamp * 1000);
        this.#sql("UPDATE documents SET expires = ? WHERE key = ?").run(expires, document.key);
      }
    });
    this.#containers.clear();
  }

  deleteContainer(container: Container): void {
    this.#sql("DELETE FROM containers WHERE key = ?").run(container.key);
    this.#containers.clear();
  }

  /** Runs `work` as one transaction: all of its writes, or, when it throws, none. */
  transaction<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** A transaction on a container; its writes share one new LSN. */
  write<T>(container: Container, work: (lsn: number) => T): T {
    return this.transaction(() => {
      const row = this.#sql("UPDATE containers SET lsn = lsn + 1 WHERE key = ? RETURNING lsn").get(container.key);
      return work(Number(row?.["lsn"]));
    });
  }

  /** LSN of the latest write. */
  lsn(container: Container): number {
    return Number(this.#sql("SELECT lsn FROM containers WHERE key = ?").get(container.key)?.["lsn"]);
  }

  document(container: Container, partition: string, id: string): StoredDocument | undefined {
    const sql = `SELECT ${COLUMNS} FROM documents
      WHERE container = :container AND partition = :partition AND id = :id AND ${LIVE}`;
    const row = this.#sql(sql).get({ container: container.key, partition, id, now: Date.now() });
    return row && toDocument(row);
  }

  /** Writes a new document, or a new version of `existing`. */
  save(container: Container, partition: string, body: Item, lsn: number, existing?: StoredDocument): StoredDocument {
    const now = Date.now();
    const id = String(body["id"]);
    const kind = typeof body["kind"] === "string" ? body["kind"] : null;
    const version = { etag: newEtag(), timestamp: Math.floor(now / 1000), lsn };
    const values = { ...version, kind, expires: expiryOf(body, container.definition, now), body: JSON.stringify(body) };
    if (existing !== undefined) {
      const sql = `UPDATE documents SET kind = :kind, etag = :etag, timestamp = :timestamp, lsn = :lsn,
        expires = :expires, body = :body WHERE key = :key`;
      this.#sql(sql).run({ ...values, key: existing.key });
      return { key: existing.key, id, body, ...version };
    }
    const place = { container: container.key, partition, id };
    // What is there under this id has expired, or the caller would have found it.
    this.#sql("DELETE FROM documents WHERE container = :container AND partition = :partition AND id = :id").run(place);
    const sql = `INSERT INTO documents (container, partition, id, kind, etag, timestamp, lsn, expires, body)
      VALUES (:container, :partition, :id, :kind, :etag, :timestamp, :lsn, :expires, :body)`;
    const { lastInsertRowid } = this.#sql(sql).run({ ...place, ...values });
    return { key: Number(lastInsertRowid), id, body, ...version };
  }

  remove(document: StoredDocument): void {
    this.#sql("DELETE FROM documents WHERE key = ?").run(document.key);
  }

  /** Live documents in the order of their creation; `kind` narrows to those with this value of `kind`. */
  documents(container: Container, range: PartitionRange, kind?: string): StoredDocument[] {
    const where = [
      "container = :container",
      ...(range ? ["partition BETWEEN :from AND :to"] : []),
      ...(kind === undefined ? [] : ["kind = :kind"]),
    ].join(" AND ");
    const values = { container: container.key, now: Date.now(), ...range, ...(kind === undefined ? {} : { kind }) };
    const sql = `SELECT ${COLUMNS} FROM documents WHERE ${where} AND ${LIVE} ORDER BY key`;
    return this.#sql(sql).all(values).map(toDocument);
  }

  /**
   * Live documents whose latest version was written after `lsn` and not before `since` (Unix seconds), oldest first: at
   * least `limit` if there are so many, and always whole transactions.
   */
  changes(container: Container, range: PartitionRange, lsn: number, since: number, limit: number): StoredDocument[] {
    const where = `container = :container AND lsn > :lsn AND timestamp >= :since AND ${LIVE}
      ${range ? "AND partition BETWEEN :from AND :to" : ""}`;
    const boundary = `SELECT lsn FROM documents WHERE ${where} ORDER BY lsn LIMIT 1 OFFSET :limit - 1`;
    const sql = `SELECT ${COLUMNS} FROM documents
      WHERE ${where} AND lsn <= coalesce((${boundary}), ${Number.MAX_SAFE_INTEGER}) ORDER BY lsn, key`;
    const values = { container: container.key, lsn, since, limit, now: Date.now(), ...range };
    return this.#sql(sql).all(values).map(toDocument);
  }

  #toContainer(database: Database, row: Row): Container {
    const definition = JSON.parse(String(row["definition"])) as ContainerDefinition;
    return { ...toDatabase(row), database, definition };
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

function newEtag(): string {
  return `"${randomUUID()}"`;
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
