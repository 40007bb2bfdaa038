import type { Clause } from "../../domain/search/clauses.ts";
import type { OrderKey } from "../../domain/search/order.ts";
import { type Comparison, parseComparisons } from "./comparisons.ts";
import { requireComparator, STRING_COMPARATORS, stringClause, stringOrList } from "./conditions.ts";
import { FilterError } from "./filter-error.ts";
import { nameOf, splitName } from "./identifier.ts";
import { orderKeys, orderTerms } from "./order-terms.ts";
import { withoutPrompts } from "./prompts.ts";
import { pythonSet } from "./python-text.ts";
import { requireValue, tagClause, taggedField } from "./tagged-entities.ts";
import { PLAIN_WORDING } from "./wording.ts";

const ATTRIBUTES = ["name"];

/**
 * Parses the `filter` of registered-models/search. Columns: `attribute.name`, `tag.<key>`. Prompts are left out unless asked for.
 * @throws FilterError
 */
export function parseRegisteredModelFilter(filter: string | undefined): Clause[] {
  return withoutPrompts(parseComparisons(filter, PLAIN_WORDING).map(modelClause));
}

/**
 * Parses the `order_by` of registered-models/search: `name`, `timestamp` or `last_updated_timestamp`, the latter two being the same.
 * By default, and where equal, models are ordered by name.
 * @throws FilterError
 */
export function parseRegisteredModelOrder(orderBy: readonly string[] | undefined): OrderKey[] {
  const keys = orderKeys(orderBy, orderTerms(orderBy), ({ name: { entity, key } }) => {
    if (entity === undefined && key === "name") return { kind: "string", column: "attribute.name" };
    if (entity === undefined && (key === "timestamp" || key === "last_updated_timestamp")) {
      return { kind: "number", column: "attribute.last_updated_timestamp" };
    }
    const written = entity === undefined ? key : `${entity}.${key}`;
    const valid = pythonSet(["name", "timestamp"]);
    throw new FilterError(`Invalid order by key '${written}' specified. Valid keys are '${valid}'`);
  });
  if (keys.some((key) => key.column === "attribute.name")) return keys;
  return [...keys, { kind: "string", column: "attribute.name", descending: false }];
}

function modelClause(comparison: Comparison): Clause {
  requireValue(comparison);
  const { comparator, value } = comparison;
  const { entity, key } = taggedField(splitName(nameOf(comparison)), ATTRIBUTES);
  if (entity === "tag") return tagClause(key, comparator, value);
  const name = stringOrList(
    comparison,
    ({ text }) => `Expected a quoted string value or a list of quoted string values for attributes. Got value ${text}`,
  );
  requireComparator(comparator, STRING_COMPARATORS, () => `Invalid comparator for attribute: ${comparator}`);
  return stringClause("attribute.name", comparator, name);
}
