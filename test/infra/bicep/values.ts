/** Where a value was written. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** What an expression of a template comes to, as far as that is known before it is deployed. */
export type Value = {
  readonly at: Place;
  /** Where its name stands, of a property. */
  readonly key?: Place;
} & (
  | {
      readonly kind: "text";
      readonly text: string /** No part of it is known only when deployed. */;
      readonly exact: boolean;
    }
  | { readonly kind: "number"; readonly number: number }
  | { readonly kind: "bool"; readonly is: boolean }
  | { readonly kind: "null" }
  | { readonly kind: "object"; readonly entries: ReadonlyMap<string, Value> }
  | { readonly kind: "list"; readonly items: readonly Value[] }
  | { readonly kind: "resource"; readonly resource: Resource }
  | { readonly kind: "module"; readonly module: Module }
  | { readonly kind: "outputs"; readonly module: Module }
  /** Known when deployed; `type` is its name in the description of `resourceType`. */
  | { readonly kind: "runtime"; readonly text: string; readonly type?: string; readonly resourceType?: string }
);

export interface Resource {
  readonly symbol: string;
  /** `Microsoft.Storage/storageAccounts@2025-01-01` */
  readonly typeAndVersion: string;
  readonly type: string;
  /** With the names of its parents: `account/default/container`. */
  readonly name: string;
  /** As written, which is what `.name` gives. */
  readonly ownName: string;
  readonly id: string;
  /** What is written in its braces. */
  readonly body: ReadonlyMap<string, Value>;
  readonly existing: boolean;
  /** Its condition holds. */
  readonly deployed: boolean;
  readonly parent: Resource | undefined;
  readonly scope: Resource | undefined;
  /** Those of its loop are made one after the other. */
  readonly isOneByOne: boolean;
  readonly at: Place;
}

export interface Output {
  readonly name: string;
  readonly value: Value;
}

export interface Module {
  readonly symbol: string;
  readonly file: string;
  readonly deployed: boolean;
  readonly dependsOn: readonly string[];
  readonly params: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Output>;
  readonly at: Place;
}

/** A value as JSON would have it; what is known only when deployed as `<text>`. */
export function plain(value: Value): unknown {
  switch (value.kind) {
    case "text":
      return value.text;
    case "number":
      return value.number;
    case "bool":
      return value.is;
    case "null":
      return null;
    case "object":
      return Object.fromEntries([...value.entries].map(([key, entry]) => [key, plain(entry)]));
    case "list":
      return value.items.map(plain);
    case "runtime":
      return `<${value.text}>`;
    case "resource":
      return `<${value.resource.symbol}>`;
    case "module":
    case "outputs":
      return `<${value.module.symbol}>`;
  }
}

/** Follows a path of property names through objects; lists by index. */
export function at(value: Value | undefined, ...path: (string | number)[]): Value | undefined {
  const [key, ...rest] = path;
  if (key === undefined || value === undefined) return value;
  if (value.kind === "object") return at(value.entries.get(String(key)), ...rest);
  if (value.kind === "list") return at(value.items[Number(key)], ...rest);
  return undefined;
}
