import { exceeds } from "../../characters.ts";
import { FilterError, MAX_CLAUSES, MAX_FILTER_LENGTH } from "./filter-error.ts";
import { type Token, tokenize } from "./lexer.ts";

/*
 * Known differences from MLflow 3.17.2, which parses filters with a general SQL tokenizer. Where it has an accident, here is a clear
 * refusal; where it refuses what can only mean one thing, it is accepted. Cases: test/mlflow/filter/known-differences.json.
 *
 * | filter or order                                  | MLflow 3.17.2                          | here                              |
 * |--------------------------------------------------|----------------------------------------|-----------------------------------|
 * | -1.5e+10 (fraction with a signed exponent)       | refused                                | accepted                          |
 * | keys that begin with a digit, or are `in`        | refused                                | accepted                          |
 * | `is  not  null` with several spaces              | refused                                | accepted                          |
 * | like, ilike in lower case, for experiments       | refused                                | accepted, as everywhere else      |
 * | quoted attributes in the model registry          | refused                                | accepted                          |
 * | spaces around an order_by clause                 | refused                                | accepted                          |
 * | order_by keys with `/`, or a quote inside quotes | refused, or an internal error          | accepted                          |
 * | IN ('a' 'b'), ('a''b'), ('a', ('b'))             | reads 'ab', 'ab', 'a' and 'b'          | refused: a comma is missing       |
 * | IN (a)                                           | internal error                         | refused                           |
 * | spaces beside the dot, `params. a`               | seeks the key " a", finds nothing      | refused                           |
 * | IS NULL on tags in the model registry            | internal error                         | refused                           |
 * | ILIKE beyond ASCII                               | SQLite folds ASCII only                | folds all letters                 |
 * | order_by with a field twice, for runs, registry  | refused as an internal error           | refused as an invalid parameter   |
 * | logged models: unknown attributes                | internal error                         | refused                           |
 * | logged models: values in double quotes           | kept with the quotes, finds nothing    | as in single quotes               |
 * | logged models: status = 'READY'                  | compares with a number, finds nothing  | finds; LOGGED_MODEL_READY too     |
 * | logged models: `attributes.creation_time`        | internal error                         | accepted, as without the prefix   |
 * | logged models: metrics.m > inf, nan              | finds nothing                          | refused                           |
 * | wording of syntax errors                         | the tokenizer's groups, at times in sets of random order | the tokens, in order |
 */

export interface ComparisonValue {
  /** `name` is anything unquoted or in double quotes or backticks. */
  readonly kind: "string" | "number" | "name" | "list";
  /** As written. */
  readonly text: string;
}

/** `left comparator value`; IS NULL and IS NOT NULL have no value. */
export interface Comparison {
  readonly left: Token;
  /** Upper case, words separated by one space. */
  readonly comparator: string;
  readonly value: ComparisonValue | undefined;
}

/** How a grammar words the refusal of what is no list of comparisons. */
export interface SyntaxWording {
  /** @param clauses the texts that do not fit */
  readonly invalidClauses: (filter: string, clauses: readonly string[]) => string;
  readonly blank: (filter: string) => string;
  readonly manyStatements: (filter: string) => string;
}

/**
 * Splits a filter into comparisons, joined by AND (which may also be missing or stand at the ends, as in MLflow).
 * @throws FilterError
 */
export function parseComparisons(filter: string | undefined, wording: SyntaxWording): Comparison[] {
  if (!filter) return [];
  if (exceeds(filter, MAX_FILTER_LENGTH))
    throw new FilterError(`A filter may have at most ${MAX_FILTER_LENGTH} characters.`);
  const tokens = tokenize(filter);
  if (tokens.length === 0) throw new FilterError(wording.blank(filter));
  refuseStatements(filter, tokens, wording);
  const comparisons: Comparison[] = [];
  let at = 0;
  while (at < tokens.length) {
    if (isWord(tokens[at], "AND")) {
      at++;
      continue;
    }
    const next = comparisonAt(filter, tokens, at);
    if (!next) throw new FilterError(wording.invalidClauses(filter, misfits(filter, tokens, at)));
    comparisons.push(next.found);
    if (comparisons.length > MAX_CLAUSES) throw new FilterError(`A filter may have at most ${MAX_CLAUSES} clauses.`);
    at = next.next;
  }
  return comparisons;
}

function refuseStatements(filter: string, tokens: readonly Token[], wording: SyntaxWording): void {
  const semicolon = tokens.findIndex((token) => token.kind === "other" && token.text === ";");
  if (semicolon >= 0 && semicolon < tokens.length - 1) throw new FilterError(wording.manyStatements(filter));
}

/** What was found at a token, and the token to go on at. */
interface Found<T> {
  readonly found: T;
  readonly next: number;
}

function comparisonAt(filter: string, tokens: readonly Token[], at: number): Found<Comparison> | undefined {
  const left = tokens[at]!;
  if (!isOperand(left) || isWord(left, "NOT") || isWord(left, "OR")) return undefined;
  const operator = operatorAt(tokens, at + 1);
  if (!operator) return undefined;
  const { found: comparator, next } = operator;
  if (comparator.startsWith("IS ")) return { found: { left, comparator, value: undefined }, next };
  const token = tokens[next];
  if (token?.kind === "open") return listComparison(filter, tokens, left, comparator, next);
  const needsList = comparator === "IN" || comparator === "NOT IN";
  if (!token || !isOperand(token) || needsList) return undefined;
  return { found: { left, comparator, value: { kind: token.kind, text: token.text } }, next: next + 1 };
}

function listComparison(
  filter: string,
  tokens: readonly Token[],
  left: Token,
  comparator: string,
  open: number,
): Found<Comparison> | undefined {
  const close = closingOf(tokens, open);
  if (close < 0) return undefined;
  const text = filter.slice(tokens[open]!.start, tokens[close]!.start + 1);
  return { found: { left, comparator, value: { kind: "list", text } }, next: close + 1 };
}

function operatorAt(tokens: readonly Token[], at: number): Found<string> | undefined {
  const token = tokens[at];
  if (!token) return undefined;
  if (token.kind === "comparator") return { found: token.text, next: at + 1 };
  const word = wordOf(token);
  const second = wordOf(tokens[at + 1]);
  if (word === "IS" && second === "NULL") return { found: "IS NULL", next: at + 2 };
  if (word === "IS" && second === "NOT" && wordOf(tokens[at + 2]) === "NULL")
    return { found: "IS NOT NULL", next: at + 3 };
  if (WORD_COMPARATORS.has(word)) return { found: word, next: at + 1 };
  if (word === "NOT" && WORD_COMPARATORS.has(second)) return { found: `NOT ${second}`, next: at + 2 };
  return undefined;
}

const WORD_COMPARATORS = new Set(["IN", "LIKE", "ILIKE", "RLIKE", "REGEXP"]);

type Operand = Token & { readonly kind: "string" | "number" | "name" };

const isOperand = (token: Token): token is Operand =>
  token.kind === "name" || token.kind === "string" || token.kind === "number";

/** The word in upper case when the token is a single unquoted word, else empty. */
function wordOf(token: Token | undefined): string {
  return token?.kind === "name" && token.parts.length === 1 && !token.parts[0]!.quoted ? token.text.toUpperCase() : "";
}

const isWord = (token: Token | undefined, word: string): boolean => wordOf(token) === word;

/** The index of the parenthesis that closes the one at `open`, or -1. */
function closingOf(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    if (tokens[at]!.kind === "open") depth++;
    if (tokens[at]!.kind === "close" && --depth === 0) return at;
  }
  return -1;
}

/** What to name in a refusal: a token that begins no comparison, or the tokens of an unfinished one. */
function misfits(filter: string, tokens: readonly Token[], at: number): string[] {
  const first = tokens[at]!;
  if (first.kind === "open") {
    const close = closingOf(tokens, at);
    return [close < 0 ? filter.slice(first.start) : filter.slice(first.start, tokens[close]!.start + 1)];
  }
  if (!isOperand(first) || isWord(first, "OR") || isWord(first, "NOT")) return [first.text];
  const texts: string[] = [];
  for (let end = at; end < tokens.length && !isWord(tokens[end], "AND"); end++) texts.push(tokens[end]!.text);
  return texts;
}
