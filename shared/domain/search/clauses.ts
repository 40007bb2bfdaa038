export type NumberOperator = "=" | "!=" | "<" | "<=" | ">" | ">=";

export type StringCondition =
  | { readonly op: "=" | "!=" | "LIKE" | "ILIKE"; readonly value: string }
  | { readonly op: "IN" | "NOT IN"; readonly values: readonly string[] };

/**
 * One condition on a row; a query's clauses must all hold. A missing cell satisfies nothing but `present: false` and `not`, so
 * "!=" and "NOT IN" need a value too. NaN satisfies "!=" only. `dataset` holds when one of the row's data sets satisfies it.
 */
export type Clause =
  | { readonly kind: "number"; readonly column: string; readonly op: NumberOperator; readonly value: number }
  | ({ readonly kind: "string"; readonly column: string } & StringCondition)
  | { readonly kind: "presence"; readonly column: string; readonly present: boolean }
  | ({ readonly kind: "dataset"; readonly field: "name" | "digest" | "context" } & StringCondition)
  | { readonly kind: "not"; readonly clause: Clause }
  | { readonly kind: "never" };
