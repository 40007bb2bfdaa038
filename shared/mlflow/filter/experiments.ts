import type { Clause } from "../../domain/search/clauses.ts";
import { searchableExperimentId } from "../../domain/search/experiment-id.ts";
import type { OrderKey } from "../../domain/search/order.ts";
import { type Comparison, type ComparisonValue, parseComparisons } from "./comparisons.ts";
import {
  hasValue,
  NUMBER_COMPARATORS,
  notOneOf,
  numberClause,
  PATTERN_COMPARATORS,
  presenceClause,
  requireComparator,
  stringClause,
  stringOrList,
} from "./conditions.ts";
import { FilterError } from "./filter-error.ts";
import { nameOf, splitName } from "./identifier.ts";
import { type ColumnOrderKey, orderTerms } from "./order-terms.ts";
import { tagClause, taggedField, wholeNumber } from "./tagged-entities.ts";
import { PLAIN_WORDING } from "./wording.ts";

const ATTRIBUTES = ["name", "experiment_id", "creation_time", "last_update_time"];
const NUMBER_ATTRIBUTES = ["creation_time", "last_update_time"];
const ID_COMPARATORS = ["=", "!=", "IN", "NOT IN"];
const ID_COLUMN = "attribute.experiment_id";

/**
 * Parses the `filter` of experiments/search. Columns: `attribute.` name, creation_time, last_update_time, experiment_id (text, as
 * `searchableExperimentId` makes it); `tag.<key>`.
 * @throws FilterError
 */
export function parseExperimentFilter(filter: string | undefined): Clause[] {
  return parseComparisons(filter, PLAIN_WORDING).map(experimentClause);
}

/**
 * Parses the `order_by` of experiments/search; by default the newest come first. Equal ones are ordered by descending id, in the
 * default order by ascending id.
 * @throws FilterError
 */
export function parseExperimentOrder(orderBy: readonly string[] | undefined): OrderKey[] {
  if (!orderBy || orderBy.length === 0) {
    return [
      { kind: "number", column: "attribute.creation_time", descending: true },
      { kind: "string", column: ID_COLUMN, descending: false },
    ];
  }
  const keys = orderTerms(orderBy).map(({ name, descending }): ColumnOrderKey => {
    const { entity, key } = taggedField(name, ATTRIBUTES);
    if (entity === "tag") throw new FilterError("Invalid order_by entity: tag");
    return { kind: NUMBER_ATTRIBUTES.includes(key) ? "number" : "string", column: `attribute.${key}`, descending };
  });
  if (keys.some((key) => key.column === ID_COLUMN)) return keys;
  return [...keys, { kind: "string", column: ID_COLUMN, descending: true }];
}

function experimentClause(comparison: Comparison): Clause {
  const { entity, key } = taggedField(splitName(nameOf(comparison)), ATTRIBUTES);
  if (!hasValue(comparison)) {
    if (entity === "tag") return presenceClause(`tag.${key}`, comparison);
    throw new FilterError(`IS NULL / IS NOT NULL is only supported for tags, not for attribute '${key}'`);
  }
  if (entity === "tag") return tagClause(key, comparison.comparator, comparison.value);
  return NUMBER_ATTRIBUTES.includes(key) ? timeClause(key, comparison) : textClause(key, comparison);
}

type ComparisonWithValue = Comparison & { readonly value: ComparisonValue };

function timeClause(key: string, { comparator, value }: ComparisonWithValue): Clause {
  if (value.kind !== "number") {
    throw new FilterError(`Expected numeric value type for numeric attribute: ${key}. Found ${value.text}`);
  }
  requireComparator(comparator, NUMBER_COMPARATORS, () => notOneOf(comparator, NUMBER_COMPARATORS));
  return numberClause(`attribute.${key}`, comparator, wholeNumber(key, value.text));
}

function textClause(key: string, comparison: ComparisonWithValue): Clause {
  const { comparator } = comparison;
  if (comparison.value.kind === "list" && key !== "experiment_id") {
    throw new FilterError("Only ['experiment_id'] attributes support comparison with a list of quoted string values.");
  }
  const value = stringOrList(
    comparison,
    ({ text }) => `Expected a quoted string value for attributes. Got value ${text}`,
  );
  if (key === "experiment_id") {
    requireComparator(comparator, ID_COMPARATORS, () => `Invalid comparator for experiment_id: ${comparator}`);
    return stringClause(ID_COLUMN, comparator, typeof value === "string" ? idText(value) : value.map(idText));
  }
  requireComparator(comparator, PATTERN_COMPARATORS, () => notOneOf(comparator, PATTERN_COMPARATORS));
  return stringClause(`attribute.${key}`, comparator, value);
}

function idText(value: string): string {
  const digits = /^\s*[+]?0*(\d+)\s*$/.exec(value)?.[1];
  if (digits === undefined) {
    throw new FilterError(`Invalid experiment ID '${value}'. Experiment ID must be a valid integer.`);
  }
  return searchableExperimentId(digits);
}
