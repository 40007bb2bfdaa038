import type { Clause } from "../../domain/search/clauses.ts";
import type { Comparison, ComparisonValue } from "./comparisons.ts";
import { entityString, requireComparator, stringClause } from "./conditions.ts";
import { FilterError } from "./filter-error.ts";
import type { SplitName } from "./identifier.ts";
import { pythonSet, pythonTuple } from "./python-text.ts";

/** Experiments, registered models and model versions have attributes and tags only. */
interface TaggedField {
  readonly entity: "attribute" | "tag";
  readonly key: string;
}

const ENTITIES = ["attribute", "tag", "tags"];

/** @throws FilterError */
export function taggedField({ entity, key }: SplitName, attributes: readonly string[]): TaggedField {
  if (entity !== undefined && !ENTITIES.includes(entity)) {
    throw new FilterError(`Invalid entity type '${entity}'. Valid entity types are ${pythonTuple(ENTITIES)}`);
  }
  if (entity === "tag" || entity === "tags") return { entity: "tag", key };
  if (!attributes.includes(key)) {
    throw new FilterError(`Invalid attribute key '${key}' specified. Valid keys are '${pythonSet(attributes)}'`);
  }
  return { entity: "attribute", key };
}

const TAG_COMPARATORS = ["=", "!=", "LIKE", "ILIKE"];

export function tagClause(key: string, comparator: string, value: ComparisonValue): Clause {
  const text = entityString(value, "tag");
  requireComparator(comparator, TAG_COMPARATORS, () => `Invalid comparator for tag: ${comparator}`);
  return stringClause(`tag.${key}`, comparator, text);
}

/**
 * A whole number in a comparison with a numeric attribute, also in quotes.
 * @throws FilterError
 */
export function wholeNumber(key: string, text: string): number {
  if (/^\s*[+-]?\d+\s*$/.test(text)) return Number(text);
  throw new FilterError(`Invalid value for numeric attribute '${key}': '${text}'`);
}

/** @throws FilterError where tags cannot be asked for IS NULL */
export function requireValue(
  comparison: Comparison,
): asserts comparison is Comparison & { readonly value: ComparisonValue } {
  if (comparison.value !== undefined) return;
  throw new FilterError(
    `${comparison.comparator} is not supported here. Use =, !=, LIKE or ILIKE with a quoted string value.`,
  );
}
