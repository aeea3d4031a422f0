import { randomInt, randomUUID } from "node:crypto";
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import {
  type Container,
  type ContainerDefinition,
  type Database,
  expiryOf,
  type Item,
  type StoredDocument,
} from "./model.ts";
import type { PartitionRange } from "./partitionKey.ts";
import { openDatabase } from "./sqlite.ts";

const LIVE = "(expires IS NULL OR expires > :now)";
const COLUMNS = "key, id, etag, timestamp, lsn, body";

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
    this.#database = openDatabase(file);
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

  /** As a replica would know it that has not heard of the latest write. */
  staleDocument(container: Container, partition: string, id: string): StoredDocument | undefined {
    const sql = `SELECT previous FROM documents
      WHERE container = :container AND partition = :partition AND id = :id AND ${LIVE}`;
    const row = this.#sql(sql).get({ container: container.key, partition, id, now: Date.now() });
    return typeof row?.["previous"] === "string" ? (JSON.parse(row["previous"]) as StoredDocument) : undefined;
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
        expires = :expires, body = :body, previous = :previous WHERE key = :key`;
      this.#sql(sql).run({ ...values, previous: JSON.stringify(existing), key: existing.key });
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
    const where = ["container = :container", ...within(range), ...(kind === undefined ? [] : ["kind = :kind"])].join(
      " AND ",
    );
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
      ${within(range)
        .map((condition) => `AND ${condition}`)
        .join("")}`;
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
      // Optional conditions leave out some of the values.
      statement.setAllowUnknownNamedParameters(true);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

/** For one partition an equation, which lets SQLite go on in the index to the kind. */
function within(range: PartitionRange): string[] {
  if (range === undefined) return [];
  return range.from === range.to ? ["partition = :from"] : ["partition BETWEEN :from AND :to"];
}

function newEtag(): string {
  return `"${randomUUID()}"`;
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
