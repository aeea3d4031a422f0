import type { TSchema } from "@sinclair/typebox";

/** The schemas of one document: those that have a name stand once, in its components. */
export class Schemas {
  readonly #names: ReadonlyMap<string, string>;
  readonly #named = new Map<string, unknown>();

  /** `names`: by the JSON text of a schema. */
  constructor(names: ReadonlyMap<string, string>) {
    this.#names = names;
  }

  /** The schema as it stands where it is used. */
  use(schema: TSchema): unknown {
    return this.#visit(JSON.parse(JSON.stringify(schema)));
  }

  /** Every named schema that was used, in the order of the names. */
  named(): Record<string, unknown> {
    return Object.fromEntries([...this.#named].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  #visit(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#visit(each));
    if (value === null || typeof value !== "object") return value;
    const text = JSON.stringify(value);
    const name = this.#names.get(text);
    if (name === undefined) return this.#members(value);
    if (!this.#named.has(name)) this.#named.set(name, this.#members(value));
    else if (JSON.stringify(this.#named.get(name)) !== JSON.stringify(this.#members(value)))
      throw new Error(`Two schemas are called ${name}.`);
    return { $ref: `#/components/schemas/${name}` };
  }

  #members(value: object): unknown {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.#visit(member)]));
  }
}
