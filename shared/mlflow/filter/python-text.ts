/** Texts as MLflow's messages show them, which are written by Python. */

/** `{'a', 'b'}`; Python's own order is random. */
export const pythonSet = (items: readonly string[]): string => `{${items.map(pythonRepr).join(", ")}}`;

/** `['a', 'b']` */
export const pythonList = (items: readonly string[]): string => `[${items.map(pythonRepr).join(", ")}]`;

/** `('a', 'b')` */
export const pythonTuple = (items: readonly string[]): string => `(${items.map(pythonRepr).join(", ")})`;

/** A string literal: in single quotes, or in double ones when only single ones occur inside. */
export function pythonRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character]!);
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
