import type { ItemDefinition, JSONValue, SqlParameter } from "@azure/cosmos";
import { protector } from "../protection/protector.ts";
import { Problem } from "../web/problem.ts";
import { cursorsOf } from "./cursor.ts";
import { dataContainer } from "./database.ts";
import { reading } from "./failure.ts";
import { tenantPredicate } from "./guard.ts";
import { type Entity, type Kind, type StoredShape, declaredList } from "./kind.ts";

/** Rows of one answer: no query here asks for more, and the SDK would go back for what is beyond 100. */
const mostRows = 1_000;

/** An item as the database has it. */
export interface StoredItem extends ItemDefinition {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: string;
  readonly schemaVersion: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly _etag: string;
}

export type FilterValue = string | number | boolean;

export interface ListRequest<T> {
  /** Equality filters; together with `orderBy` they must be a declared list of the kind. */
  readonly where?: Partial<Record<keyof T & string, FilterValue>>;
  readonly orderBy?: (keyof T & string) | "createdAt" | "updatedAt";
  /** Smallest value of the sort field, inclusive. */
  readonly from?: string;
  /** 1..100, default 25. */
  readonly limit?: number;
  /** `nextCursor` of the page before, of the same list. */
  readonly cursor?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/**
 * Reads the items of one tenant. The tenant is bound when the scope is made; every read names the full partition key and
 * every query carries the tenant predicate, here and not by who calls.
 */
export class TenantRepository {
  readonly tenantId: string;

  constructor(tenantId: string) {
    this.tenantId = tenantId;
  }

  /** The item, or undefined where this tenant has none of that kind and id. One point read. */
  async find<T extends object>(kind: Kind<T>, id: string): Promise<Entity<T> | undefined> {
    // What can be no id would become another path of the database's URL: `..` is the container itself.
    if (!/^[\w-]{1,128}$/u.test(id)) return undefined;
    const { resource } = await reading([this.tenantId], (options) =>
      dataContainer().item(id, this.tenantId).read<StoredItem>(options),
    );
    return resource?.kind === kind.name ? toEntity(kind, resource) : undefined;
  }

  /** The item. Throws the problem `not_found` where this tenant has none. One point read. */
  async get<T extends object>(kind: Kind<T>, id: string): Promise<Entity<T>> {
    const entity = await this.find(kind, id);
    if (entity === undefined) throw new Problem("not_found");
    return entity;
  }

  /** The items of the kind with these ids, at most 100, by id; those that this tenant does not have are absent. One query. */
  async findMany<T extends object>(kind: Kind<T>, ids: readonly string[]): Promise<ReadonlyMap<string, Entity<T>>> {
    if (ids.length === 0) return new Map();
    if (ids.length > 100) throw new RangeError("at most 100 items at once");
    const items = await this.#query(
      `SELECT TOP 100 * FROM c WHERE ${tenantPredicate} AND c.kind = @kind AND ARRAY_CONTAINS(@ids, c.id)`,
      [
        { name: "@kind", value: kind.name },
        { name: "@ids", value: [...ids] },
      ],
    );
    return new Map(items.map((item) => [item.id, toEntity(kind, item)]));
  }

  /** One page of a declared list, by keyset on (sort field, id). One query. */
  async list<T extends object>(kind: Kind<T>, request: ListRequest<T> = {}): Promise<Page<Entity<T>>> {
    const where = Object.entries<FilterValue | undefined>(request.where ?? {}).filter(
      (entry): entry is [string, FilterValue] => entry[1] !== undefined,
    );
    const orderBy = request.orderBy ?? "createdAt";
    const shape = declaredList(
      kind,
      where.map(([field]) => field),
      orderBy,
    );
    if (shape === undefined)
      throw new Problem("invalid_request", { detail: "This combination of filters is not supported" });
    const descending = shape.direction === "descending";
    const limit = request.limit ?? 25;
    const cursors = cursorsOf((use) => protector(this.tenantId, use), kind.name, where, orderBy, request.from);
    const conditions = ["c.kind = @kind"];
    const parameters: SqlParameter[] = [{ name: "@kind", value: kind.name }];
    for (const [at, field] of shape.where.entries()) {
      conditions.push(`c.${field} = @where${at}`);
      parameters.push({ name: `@where${at}`, value: Object.fromEntries(where)[field] as JSONValue });
    }
    if (request.from !== undefined) {
      conditions.push(`c.${orderBy} >= @from`);
      parameters.push({ name: "@from", value: request.from });
    }
    if (request.cursor !== undefined) {
      const [value, id] = (await cursors.open(request.cursor)) as [string, string];
      const past = descending ? "<" : ">";
      conditions.push(`(c.${orderBy} ${past} @value OR (c.${orderBy} = @value AND c.id ${past} @id))`);
      parameters.push({ name: "@value", value }, { name: "@id", value: id });
    }
    const way = descending ? "DESC" : "ASC";
    const order = ["kind", ...shape.where].map((field) => `c.${field} ASC`);
    const items = await this.#query(
      `SELECT TOP ${limit + 1} * FROM c WHERE ${tenantPredicate} AND ${conditions.join(" AND ")}` +
        ` ORDER BY ${[...order, `c.${orderBy} ${way}`, `c.id ${way}`].join(", ")}`,
      parameters,
    );
    const page = items.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map((item) => toEntity(kind, item)),
      ...(items.length > limit &&
        last !== undefined && {
          nextCursor: await cursors.make([last[orderBy], last.id]),
        }),
    };
  }

  /** Every item of a declared list, page by page as they are asked for. One query per 100. */
  async *all<T extends object>(
    kind: Kind<T>,
    request: Omit<ListRequest<T>, "limit" | "cursor"> = {},
  ): AsyncGenerator<Entity<T>> {
    let cursor: string | undefined;
    do {
      const page = await this.list(kind, { ...request, limit: 100, ...(cursor !== undefined && { cursor }) });
      yield* page.items;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }

  /** All items of the kind whose field has the value, in the order of their ids. One query, at most 1,000. */
  async findRelated<T extends object>(kind: Kind<T>, field: string, value: string): Promise<Entity<T>[]> {
    if (!/^[a-zA-Z]+$/u.test(field)) throw new TypeError("not a field name");
    const items = await this.#query(
      `SELECT TOP 1000 * FROM c WHERE ${tenantPredicate} AND c.${field} = @value AND c.kind = @kind`,
      [
        { name: "@value", value },
        { name: "@kind", value: kind.name },
      ],
    );
    items.sort((one, other) => (one.id < other.id ? -1 : 1));
    return items.map((item) => toEntity(kind, item));
  }

  async #query(query: string, parameters: readonly SqlParameter[]): Promise<StoredItem[]> {
    const { resources } = await reading([this.tenantId], (options) =>
      dataContainer()
        .items.query<StoredItem>(
          { query, parameters: [{ name: "@tenantId", value: this.tenantId }, ...parameters] },
          { ...options, partitionKey: this.tenantId, maxItemCount: mostRows },
        )
        .fetchAll(),
    );
    return resources;
  }
}

/** The fields of the kind and what every item has; nothing of the database's own. Throws on a version not understood. */
function toEntity<T extends object>(kind: StoredShape<T>, item: StoredItem): Entity<T> {
  const { id, tenantId, kind: kindName, schemaVersion, createdAt, updatedAt, _etag, ...rest } = item;
  const fields = Object.fromEntries(Object.entries(rest).filter(([name]) => !name.startsWith("_") && name !== "ttl"));
  return { ...fieldsOf(kind, schemaVersion, fields), id, createdAt, updatedAt, etag: _etag };
}

function fieldsOf<T extends object>(kind: StoredShape<T>, schemaVersion: number, fields: Record<string, unknown>): T {
  if (schemaVersion === kind.schemaVersion) return fields as T;
  if (schemaVersion === kind.schemaVersion - 1 && kind.upgrade !== undefined) return kind.upgrade(fields);
  // The build before this one reads what the next has written: new versions only add fields.
  if (schemaVersion === kind.schemaVersion + 1) return fields as T;
  throw new Error(`${kind.name} of schema version ${schemaVersion} cannot be read`);
}
