import { type NamePart, scanQuoted, startsQuote } from "./quoting.ts";

export type Token = {
  /** As written. */
  readonly text: string;
  /** Where it begins. */
  readonly start: number;
} & (
  | { readonly kind: "name"; readonly parts: readonly NamePart[] }
  | { readonly kind: "string" | "number" | "comparator" | "open" | "close" | "other" }
);

export type NameToken = Extract<Token, { kind: "name" }>;

const SPACE = /\s+/y;
const NUMBER = /-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\p{L}\p{N}_])/uy;
const COMPARATOR = /[<>=~!]+/y;
const COMMENT = /(?:--|# )[^\r\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
/** Dashes and slashes inside are taken in so that a grammar can name the whole word when it refuses it. */
const WORD = /[\p{L}\p{N}_][\p{L}\p{N}\p{M}_$#]*(?:[-/][\p{L}\p{N}\p{M}_$#]+)*/uy;

/**
 * Splits a filter into tokens; spaces and line ends only separate. A name is parts joined by dots without spaces, each a word or quoted
 * (`…` or "…", behind a dot '…' too); '…' alone is a string. What is nothing else becomes `other`: a comment, an unfinished quote with all
 * that follows, or a single character. Never throws.
 */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = skip(SPACE, text, 0);
  while (at < text.length) {
    const token = nextToken(text, at);
    tokens.push(token);
    at = skip(SPACE, text, at + token.text.length);
  }
  return tokens;
}

function nextToken(text: string, start: number): Token {
  const token = (kind: "string" | "number" | "comparator" | "open" | "close" | "other", end: number): Token => ({
    kind,
    text: text.slice(start, end),
    start,
  });
  const first = text[start]!;
  if (first === "'") {
    const end = scanQuoted(text, start);
    return end < 0 ? token("other", text.length) : token("string", end);
  }
  if (first === "(") return token("open", start + 1);
  if (first === ")") return token("close", start + 1);
  const numberEnd = skip(NUMBER, text, start);
  if (numberEnd > start) return token("number", numberEnd);
  const comparatorEnd = skip(COMPARATOR, text, start);
  if (comparatorEnd > start) return token("comparator", comparatorEnd);
  const commentEnd = skip(COMMENT, text, start);
  if (commentEnd > start) return token("other", commentEnd);
  return nameToken(text, start) ?? token("other", startsQuote(first) ? text.length : start + 1);
}

function nameToken(text: string, start: number): NameToken | undefined {
  const parts: NamePart[] = [];
  let end = start;
  for (let at = start; ; at = end + 1) {
    const part = namePart(text, at, parts.length > 0);
    if (part === undefined) break;
    parts.push(part);
    end = at + part.text.length;
    if (text[end] !== ".") break;
  }
  return parts.length === 0 ? undefined : { kind: "name", text: text.slice(start, end), start, parts };
}

function namePart(text: string, at: number, afterDot: boolean): NamePart | undefined {
  const first = text[at];
  if (first !== undefined && startsQuote(first) && (first !== "'" || afterDot)) {
    const end = scanQuoted(text, at);
    return end < 0 ? undefined : { text: text.slice(at, end), quoted: true };
  }
  const end = skip(WORD, text, at);
  return end > at ? { text: text.slice(at, end), quoted: false } : undefined;
}

/** The end of a match at `at`; `at` itself when there is none. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
