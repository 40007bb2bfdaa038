import type { Steps } from "./steps.ts";

/**
 * Orders strings by code point, as databases with a binary collation do. JavaScript's `<` orders by UTF-16 unit, which puts
 * U+E000-U+FFFF after the astral characters.
 * @param steps takes what looking at what both begin with costs
 */
export function compareCodePoints(a: string, b: string, steps?: Steps): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) {
      steps?.read(at);
      return (left < SURROGATES && right < SURROGATES) || bothOrNone(left, right) ? left - right : astralLast(left);
    }
  }
  steps?.read(length);
  return a.length - b.length;
}

const SURROGATES = 0xd800;
const isSurrogate = (unit: number): boolean => unit >= SURROGATES && unit <= 0xdfff;
const bothOrNone = (left: number, right: number): boolean => isSurrogate(left) === isSurrogate(right);
/** Of two different units exactly one is a surrogate; the astral side is the greater unless the other is below both. */
const astralLast = (left: number): number => (isSurrogate(left) ? 1 : -1);
