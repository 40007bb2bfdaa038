import type { Clause, NumberOperator, StringCondition } from "../../domain/search/clauses.ts";
import type { Comparison, ComparisonValue } from "./comparisons.ts";
import { FilterError } from "./filter-error.ts";
import { pythonSet } from "./python-text.ts";
import { isStringLiteral, unquote } from "./quoting.ts";
import { parseStringList } from "./string-list.ts";

export const NUMBER_COMPARATORS: readonly string[] = [">", ">=", "!=", "=", "<", "<="];
export const PATTERN_COMPARATORS: readonly string[] = ["!=", "=", "LIKE", "ILIKE"];
export const STRING_COMPARATORS: readonly string[] = [...PATTERN_COMPARATORS, "IN", "NOT IN"];
export const NULL_COMPARATORS: readonly string[] = ["IS NULL", "IS NOT NULL"];

/** A string value without its quotes. Call only for values of kind string or name. */
export function quotedString(value: ComparisonValue): string {
  if (isStringLiteral(value.text)) return unquote(value.text);
  throw new FilterError(
    "Parameter value is either not quoted or unidentified quote types used for string value " +
      `${value.text}. Use either single or double quotes.`,
  );
}

/** The value of a tag or param: a quoted string. `entity` is how MLflow's message calls it. */
export function entityString(value: ComparisonValue, entity: string): string {
  if (value.kind === "string" || value.kind === "name") return quotedString(value);
  throw new FilterError(`Expected a quoted string value for ${entity} (e.g. 'my-value'). Got value ${value.text}`);
}

/** Refuses a comparator that does not go with a kind of value. */
export function requireComparator(comparator: string, allowed: readonly string[], refuse: () => string): void {
  if (!allowed.includes(comparator)) throw new FilterError(refuse());
}

export const notOneOf = (comparator: string, allowed: readonly string[]): string =>
  `Invalid comparator '${comparator}' not one of '${pythonSet(allowed)}'`;

/** Builds the condition once comparator and value are known to fit. */
export function stringCondition(comparator: string, value: string | readonly string[]): StringCondition {
  if (typeof value === "string") return { op: comparator as "=" | "!=" | "LIKE" | "ILIKE", value };
  return { op: comparator as "IN" | "NOT IN", values: value };
}

export function stringClause(column: string, comparator: string, value: string | readonly string[]): Clause {
  return { kind: "string", column, ...stringCondition(comparator, value) };
}

export function numberClause(column: string, comparator: string, value: number): Clause {
  return { kind: "number", column, op: comparator as NumberOperator, value };
}

/** IS NULL, IS NOT NULL. */
export function presenceClause(column: string, { comparator }: Comparison): Clause {
  return { kind: "presence", column, present: comparator === "IS NOT NULL" };
}

/** A string or, behind IN and NOT IN only, a list; `refuse` words what is neither. */
export function stringOrList(
  { comparator, value }: Comparison & { readonly value: ComparisonValue },
  refuse: (value: ComparisonValue) => string,
): string | readonly string[] {
  if (value.kind === "string" || value.kind === "name") return quotedString(value);
  if (value.kind !== "list") throw new FilterError(refuse(value));
  const items = parseStringList(value.text);
  if (comparator !== "IN" && comparator !== "NOT IN")
    throw new FilterError(`A list needs IN or NOT IN, not '${comparator}'.`);
  return items;
}

export const hasValue = (comparison: Comparison): comparison is Comparison & { readonly value: ComparisonValue } =>
  comparison.value !== undefined;
