import type { Steps } from "./steps.ts";

/** Finds where a text begins at or after a place; -1 where it does not come again. */
type Seek = (value: string, from: number, steps: Steps) => number;

/** `indexOf` takes a hundred times as long as it mostly does where value and text repeat themselves, the longer the text the more. */
const SHORT = 8;

/** Seeks a text, which is not empty, in time that grows with the value alone. */
export function seeker(sought: string): Seek {
  if (sought.length <= SHORT) {
    return (value, from, steps) => {
      const at = value.indexOf(sought, from);
      steps.read((at < 0 ? value.length : at) - from);
      return at;
    };
  }
  const borders = bordersOf(sought);
  return (value, from, steps) => {
    let matched = 0;
    for (let at = from; at < value.length; at++) {
      const unit = value.charCodeAt(at);
      while (matched > 0 && sought.charCodeAt(matched) !== unit) matched = borders[matched - 1]!;
      if (sought.charCodeAt(matched) === unit) matched++;
      if (matched < sought.length) continue;
      steps.take(at - from);
      return at - matched + 1;
    }
    steps.take(value.length - from);
    return -1;
  };
}

/** For each beginning of the text: how long its longest border is, an end of it that it also begins with (Knuth, Morris and Pratt). */
function bordersOf(text: string): Uint32Array {
  const borders = new Uint32Array(text.length);
  let border = 0;
  for (let at = 1; at < text.length; at++) {
    while (border > 0 && text[border] !== text[at]) border = borders[border - 1]!;
    if (text[border] === text[at]) border++;
    borders[at] = border;
  }
  return borders;
}
