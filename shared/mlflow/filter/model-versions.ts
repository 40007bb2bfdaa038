import type { Clause } from "../../domain/search/clauses.ts";
import type { OrderKey } from "../../domain/search/order.ts";
import { type Comparison, type ComparisonValue, parseComparisons } from "./comparisons.ts";
import {
  NUMBER_COMPARATORS,
  numberClause,
  quotedString,
  requireComparator,
  STRING_COMPARATORS,
  stringClause,
  stringOrList,
} from "./conditions.ts";
import { FilterError } from "./filter-error.ts";
import { nameOf, splitName } from "./identifier.ts";
import { orderKeys, orderTerms } from "./order-terms.ts";
import { withoutPrompts } from "./prompts.ts";
import { pythonList, pythonSet } from "./python-text.ts";
import { requireValue, tagClause, taggedField, wholeNumber } from "./tagged-entities.ts";
import { PLAIN_WORDING } from "./wording.ts";

const ATTRIBUTES = ["name", "version_number", "run_id", "source_path"];
const LISTABLE = ["name", "run_id"];
const NUMBERS = ["version_number", "creation_timestamp", "last_updated_timestamp"];
const ORDERABLE = ["name", ...NUMBERS];

/**
 * Parses the `filter` of model-versions/search. Columns: `attribute.` name, version_number, run_id, source_path; `tag.<key>`. Prompts are
 * left out unless asked for.
 * @throws FilterError
 */
export function parseModelVersionFilter(filter: string | undefined): Clause[] {
  return withoutPrompts(parseComparisons(filter, PLAIN_WORDING).map(versionClause));
}

/**
 * Parses the `order_by` of model-versions/search; by default the last updated come first. Equal ones are ordered by name, then by
 * version, newest first.
 * @throws FilterError
 */
export function parseModelVersionOrder(orderBy: readonly string[] | undefined): OrderKey[] {
  const wanted = orderBy && orderBy.length > 0 ? orderBy : ["last_updated_timestamp DESC"];
  const keys = orderKeys(wanted, orderTerms(wanted), ({ name }) => {
    const { entity, key } = taggedField(name, ORDERABLE);
    if (entity === "tag") {
      throw new FilterError(`Invalid order by key '${key}' specified. Valid keys are ${pythonSet(ORDERABLE)}`);
    }
    return { kind: NUMBERS.includes(key) ? "number" : "string", column: `attribute.${key}` };
  });
  const tieBreaks: OrderKey[] = [];
  const has = (column: string): boolean => keys.some((key) => key.column === column);
  if (!has("attribute.name")) tieBreaks.push({ kind: "string", column: "attribute.name", descending: false });
  if (!has("attribute.version_number")) {
    tieBreaks.push({ kind: "number", column: "attribute.version_number", descending: true });
  }
  return [...keys, ...tieBreaks];
}

function versionClause(comparison: Comparison): Clause {
  requireValue(comparison);
  const { comparator, value } = comparison;
  const { entity, key } = taggedField(splitName(nameOf(comparison)), ATTRIBUTES);
  if (entity === "tag") return tagClause(key, comparator, value);
  if (value.kind === "list" && !LISTABLE.includes(key)) {
    throw new FilterError(
      `Only ${pythonList(LISTABLE)} attributes support comparison with a list of quoted string values.`,
    );
  }
  return key === "version_number" ? numberedClause(key, comparator, value) : textClause(key, comparison);
}

function numberedClause(key: string, comparator: string, value: ComparisonValue): Clause {
  const text = value.kind === "number" ? value.text : quotedString(value);
  requireComparator(comparator, NUMBER_COMPARATORS, () => `Invalid comparator for attribute ${key}: ${comparator}`);
  return numberClause(`attribute.${key}`, comparator, wholeNumber(key, text));
}

function textClause(key: string, comparison: Comparison & { readonly value: ComparisonValue }): Clause {
  const { comparator } = comparison;
  const value = stringOrList(
    comparison,
    () => `Only the '${pythonSet(NUMBERS)}' attributes support comparison with numeric values.`,
  );
  requireComparator(comparator, STRING_COMPARATORS, () => `Invalid comparator for attribute: ${comparator}`);
  return stringClause(`attribute.${key}`, comparator, value);
}
