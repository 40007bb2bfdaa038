export type StringTest = (value: string) => boolean;

/**
 * Compiles an SQL LIKE pattern for whole strings: `%` is any text, `_` is one character (code point), line ends included; nothing
 * escapes them. It never backtracks: the pieces between the `%` are sought one after the other, leftmost first.
 * @param ignoreCase ILIKE: both sides are lower-cased first
 */
export function compileLike(pattern: string, ignoreCase: boolean): StringTest {
  const test = compile(ignoreCase ? pattern.toLowerCase() : pattern);
  return ignoreCase ? (value) => test(value.toLowerCase()) : test;
}

function compile(pattern: string): StringTest {
  const pieces = pattern.split("%");
  if (pieces.length === 1) return (value) => endOfMatch(pattern, value, 0) === value.length;
  const first = pieces[0]!;
  const last = pieces[pieces.length - 1]!;
  const between = pieces.slice(1, -1).filter((piece) => piece !== "");
  const minimumLength = pattern.length - (pieces.length - 1);
  return (value) => {
    if (value.length < minimumLength) return false;
    let from = endOfMatch(first, value, 0);
    if (from < 0) return false;
    const end = startOfSuffix(last, value);
    for (const piece of between) {
      if (from > end) return false;
      from = endOfNextMatch(piece, value, from);
      if (from < 0) return false;
    }
    return from <= end;
  };
}

/** Where a match of `piece` that begins at `at` ends, or -1. */
function endOfMatch(piece: string, value: string, at: number): number {
  let end = at;
  for (let index = 0; index < piece.length; index++) {
    if (end >= value.length) return -1;
    if (piece[index] === "_") end += widthAt(value, end);
    else if (piece.charCodeAt(index) === value.charCodeAt(end)) end++;
    else return -1;
  }
  return end;
}

/** Where the leftmost match of `piece` at or after `from` ends, or -1. */
function endOfNextMatch(piece: string, value: string, from: number): number {
  if (!piece.includes("_")) {
    const start = value.indexOf(piece, from);
    return start < 0 ? -1 : start + piece.length;
  }
  for (let start = from; start < value.length; start += widthAt(value, start)) {
    const end = endOfMatch(piece, value, start);
    if (end >= 0) return end;
  }
  return -1;
}

/** Where `piece` begins when `value` ends in it, or -1. */
function startOfSuffix(piece: string, value: string): number {
  let start = value.length;
  for (let index = piece.length - 1; index >= 0; index--) {
    if (start <= 0) return -1;
    if (piece[index] === "_") start -= widthBefore(value, start);
    else if (piece.charCodeAt(index) === value.charCodeAt(start - 1)) start--;
    else return -1;
  }
  return start;
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;
const isPair = (value: string, at: number): boolean => isHigh(value.charCodeAt(at)) && isLow(value.charCodeAt(at + 1));
const widthAt = (value: string, at: number): number => (isPair(value, at) ? 2 : 1);
const widthBefore = (value: string, at: number): number => (at >= 2 && isPair(value, at - 2) ? 2 : 1);
