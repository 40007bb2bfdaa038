import { seeker } from "./seek.ts";
import type { Steps } from "./steps.ts";

export type StringTest = (value: string) => boolean;

/**
 * Compiles an SQL LIKE pattern for whole strings: `%` is any text, `_` is one character (code point), line ends included; nothing
 * escapes them. It never backtracks: the pieces between the `%` are sought one after the other, leftmost first. A value is looked at once,
 * unless a piece has a `_` between other characters; what that costs is counted.
 * @param ignoreCase ILIKE: both sides are lower-cased first
 */
export function compileLike(pattern: string, ignoreCase: boolean, steps: Steps): StringTest {
  const test = compile(ignoreCase ? pattern.toLowerCase() : pattern, steps);
  if (!ignoreCase) return test;
  return (value) => {
    steps.read(value.length);
    return test(value.toLowerCase());
  };
}

function compile(pattern: string, steps: Steps): StringTest {
  const pieces = pattern.split("%");
  if (pieces.length === 1) return (value) => endOfMatch(pattern, value, 0, steps) === value.length;
  const first = pieces[0]!;
  const last = pieces[pieces.length - 1]!;
  const between = pieces
    .slice(1, -1)
    .filter((piece) => piece !== "")
    .map((piece) => findPiece(piece, steps));
  const minimumLength = pattern.length - (pieces.length - 1);
  return (value) => {
    if (value.length < minimumLength) return false;
    let from = endOfMatch(first, value, 0, steps);
    if (from < 0) return false;
    const end = startOfSuffix(last, value);
    for (const endOfNextMatch of between) {
      if (from > end) return false;
      from = endOfNextMatch(value, from);
      if (from < 0) return false;
    }
    return from <= end;
  };
}

/** Finds where the leftmost match of a piece at or after a place ends; -1 where there is none. */
type PieceFinder = (value: string, from: number) => number;

/** The `_` at both ends are counted off, the characters behind the first ones are sought, and only what follows another `_` is compared in place. */
function findPiece(piece: string, steps: Steps): PieceFinder {
  const core = piece.replace(/^_+/, "");
  const before = piece.length - core.length;
  if (core === "") return (value, from) => skip(value, from, before);
  const length = core.length - underscoresBehind(core);
  const sought = /^[^_]+/.exec(core)![0];
  const rest = core.slice(sought.length, length);
  const seek = seeker(sought);
  return (value, from) => {
    const begin = skip(value, from, before);
    if (begin < 0) return -1;
    for (let at = seek(value, begin, steps); at >= 0; at = seek(value, at + 1, steps)) {
      const end = endOfMatch(rest, value, at + sought.length, steps);
      if (end >= 0) return skip(value, end, core.length - length);
    }
    return -1;
  };
}

function underscoresBehind(text: string): number {
  let count = 0;
  while (text[text.length - 1 - count] === "_") count++;
  return count;
}

/** The place so many characters on, or -1. */
function skip(value: string, from: number, characters: number): number {
  let at = from;
  for (let skipped = 0; skipped < characters; skipped++) {
    if (at >= value.length) return -1;
    at += widthAt(value, at);
  }
  return at;
}

/** Where a match of `piece` that begins at `at` ends, or -1. */
function endOfMatch(piece: string, value: string, at: number, steps: Steps): number {
  let end = at;
  for (let index = 0; index < piece.length; index++) {
    if (end >= value.length) return -1;
    if (piece[index] === "_") end += widthAt(value, end);
    else if (piece.charCodeAt(index) === value.charCodeAt(end)) end++;
    else {
      steps.take(1 + index);
      return -1;
    }
  }
  steps.take(1 + piece.length);
  return end;
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
