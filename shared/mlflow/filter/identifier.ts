import type { Comparison } from "./comparisons.ts";
import { FilterError } from "./filter-error.ts";
import type { NameToken, Token } from "./lexer.ts";
import type { NamePart } from "./quoting.ts";
import { unquote } from "./quoting.ts";

/** What a name says: `entity.key`, or a key alone. Keys are without their quotes; an entity is as written. */
export interface SplitName {
  readonly entity: string | undefined;
  readonly key: string;
}

/** Splits at the first dot outside quotes. */
export function splitName(token: NameToken): SplitName {
  const [first, ...rest] = token.parts as [NamePart, ...NamePart[]];
  if (rest.length === 0) return { entity: undefined, key: keyOf([first]) };
  return { entity: first.text, key: keyOf(rest) };
}

/** A single quoted part loses its quotes; of several parts nothing is changed. */
function keyOf(parts: readonly NamePart[]): string {
  const [only] = parts;
  if (parts.length === 1 && only!.quoted) return unquote(only!.text);
  return parts.map((part) => part.text).join(".");
}

/**
 * The left side of a comparison as a name.
 * @throws FilterError when it is none, also when an unquoted key has characters that need quotes
 */
export function nameOf({ left }: Comparison): NameToken {
  if (left.kind === "name" && isPlain(left)) return left;
  throw new FilterError(`Invalid comparison clause. Expected 'Identifier' found '${left.text}'`);
}

const isPlain = (token: NameToken): boolean => token.parts.every((part) => part.quoted || !/[-/]/.test(part.text));

export const isName = (token: Token): token is NameToken => token.kind === "name";
