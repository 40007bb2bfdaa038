/**
 * Whether a text has more characters than `limit`. Limits count characters (code points) as MLflow's do; a string's `length` counts an emoji twice.
 */
export function exceeds(text: string, limit: number): boolean {
  if (text.length <= limit) return false;
  return text.length > 2 * limit || endOf(text, limit) < text.length;
}

/** The first characters of a text, none of them cut in two. */
export function firstCharacters(text: string, count: number): string {
  return text.length <= count ? text : text.slice(0, endOf(text, count));
}

/** The last characters of a text, none of them cut in two. */
export function lastCharacters(text: string, count: number): string {
  if (text.length <= count) return text;
  let start = text.length;
  for (let taken = 0; taken < count && start > 0; taken++) start -= isPair(text, start - 2) ? 2 : 1;
  return text.slice(start);
}

/** Where the first `count` characters end. */
function endOf(text: string, count: number): number {
  let end = 0;
  for (let taken = 0; taken < count && end < text.length; taken++) end += isPair(text, end) ? 2 : 1;
  return end;
}

/** Whether one character of two units begins here. */
function isPair(text: string, at: number): boolean {
  return at >= 0 && (text.codePointAt(at) ?? 0) > 0xffff;
}
