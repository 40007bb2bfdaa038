/** One of the dot-separated parts of a name, as written. */
export interface NamePart {
  readonly text: string;
  readonly quoted: boolean;
}

export const startsQuote = (character: string): boolean => character === "'" || character === '"' || character === "`";

/**
 * Where the quoted text that begins at `start` ends; -1 when it does not. A doubled quote, or one behind a backslash (not in backticks),
 * does not end it, unless nothing else does: so 'C:\dir\' is whole at the end of a filter.
 */
export function scanQuoted(text: string, start: number): number {
  const quote = text[start]!;
  let lastResort = -1;
  let at = start + 1;
  while (at < text.length) {
    const character = text[at]!;
    if (character === "\\" && quote !== "`" && text[at + 1] === quote) {
      lastResort = at + 2;
      at += 2;
    } else if (character !== quote) {
      at++;
    } else if (text[at + 1] === quote) {
      lastResort = at + 1;
      at += 2;
    } else {
      return at + 1;
    }
  }
  return lastResort;
}

/** What stands between the quotes, unchanged: neither doubled quotes nor backslashes are resolved, as in MLflow. */
export const unquote = (text: string): string => text.slice(1, -1);

/** Whether the text begins and ends with `'` or with `"`. */
export const isStringLiteral = (text: string): boolean =>
  text.length >= 2 && (text[0] === "'" || text[0] === '"') && text.endsWith(text[0]);
