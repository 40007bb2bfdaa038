import { exceeds, firstCharacters } from "../../characters.ts";
import type { OrderKey } from "../../domain/search/order.ts";
import { FilterError, MAX_FILTER_LENGTH, MAX_ORDER_KEYS } from "./filter-error.ts";
import { isName, type SplitName, splitName } from "./identifier.ts";
import { type NameToken, tokenize } from "./lexer.ts";
import { pythonList } from "./python-text.ts";
import { unquote } from "./quoting.ts";

/** One clause of an order_by, `name [ASC|DESC]`. */
interface OrderTerm {
  readonly name: SplitName;
  readonly descending: boolean;
}

/** A sort key by column; what MLflow's order_by clauses come down to. */
export type ColumnOrderKey = Extract<OrderKey, { column: string }>;

/** @throws FilterError */
export function orderTerms(orderBy: readonly string[] | undefined): OrderTerm[] {
  if (!orderBy) return [];
  if (orderBy.length > MAX_ORDER_KEYS) throw new FilterError(`order_by may have at most ${MAX_ORDER_KEYS} clauses.`);
  return orderBy.map(orderTerm);
}

/**
 * Turns terms into sort keys. A column must not occur twice.
 * @throws FilterError
 */
export function orderKeys(
  orderBy: readonly string[] | undefined,
  terms: readonly OrderTerm[],
  columnOf: (term: OrderTerm) => Pick<ColumnOrderKey, "kind" | "column">,
): ColumnOrderKey[] {
  const columns = new Set<string>();
  return terms.map((term) => {
    const key: ColumnOrderKey = { ...columnOf(term), descending: term.descending };
    if (columns.has(key.column)) {
      throw new FilterError(`\`order_by\` contains duplicate fields: ${pythonList(orderBy ?? [])}`);
    }
    columns.add(key.column);
    return key;
  });
}

function orderTerm(clause: string): OrderTerm {
  const tokens = exceeds(clause, MAX_FILTER_LENGTH) ? [] : tokenize(clause);
  const [name, direction] = tokens;
  if (!name || !isName(name) || isDirection(name.text) || tokens.length > 2 || (direction && !isName(direction))) {
    throw new FilterError(`Invalid order_by clause '${firstCharacters(clause, 1000)}'. Could not be parsed.`);
  }
  if (direction && !isDirection(direction.text)) {
    throw new FilterError(`Invalid ordering key in order_by clause '${clause}'.`);
  }
  return { name: splitOrderName(name), descending: direction?.text.toLowerCase() === "desc" };
}

const isDirection = (word: string): boolean => /^(?:asc|desc)$/i.test(word);

/** Here quotes may also enclose entity and key together: "metrics.loss". */
function splitOrderName(name: NameToken): SplitName {
  const { entity, key } = splitName(name);
  if (entity !== undefined || !name.parts[0]!.quoted) return { entity, key };
  const inner = unquote(name.text);
  const dot = inner.indexOf(".");
  return dot < 0 ? { entity, key } : { entity: inner.slice(0, dot), key: inner.slice(dot + 1) };
}
