import { FilterError, MAX_LIST_ITEMS } from "./filter-error.ts";

const ESCAPED = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\\'"nrt]))/g;
const SIMPLE: Record<string, string> = { n: "\n", r: "\r", t: "\t" };

/**
 * Reads the list of an IN, `('a', "b")`. Unlike elsewhere in a filter, backslashes escape here, as in a Python literal.
 * @throws FilterError unless it is a list of 1-10,000 quoted strings
 */
export function parseStringList(text: string): string[] {
  const inner = text.slice(1, -1).trimEnd();
  if (inner === "") throw listError("expected a non-empty list of string values, but got empty list");
  const items: string[] = [];
  const item = /\s*(?:'((?:[^'\\\r\n]|\\[^\r\n])*)'|"((?:[^"\\\r\n]|\\[^\r\n])*)")\s*(?:,|$)/y;
  while (item.lastIndex < inner.length) {
    const match = item.exec(inner);
    if (!match) throw misfit(text, inner);
    items.push(unescapeLiteral(match[1] ?? match[2]!));
    if (items.length > MAX_LIST_ITEMS) throw listError(`expected at most ${MAX_LIST_ITEMS} values`);
  }
  return items;
}

function unescapeLiteral(literal: string): string {
  if (!literal.includes("\\")) return literal;
  return literal.replace(ESCAPED, (_, hex?: string, unicode?: string, simple?: string) =>
    simple === undefined ? String.fromCharCode(Number.parseInt((hex ?? unicode)!, 16)) : (SIMPLE[simple] ?? simple),
  );
}

function misfit(text: string, inner: string): FilterError {
  return /['"]/.test(inner)
    ? listError("expected a non-empty list of string values, but got ill-formed list.")
    : listError(`expected string value, punctuation, or whitespace, but got different type in list: ${text}`);
}

const listError = (detail: string): FilterError => new FilterError(`While parsing a list in the query, ${detail}`);
