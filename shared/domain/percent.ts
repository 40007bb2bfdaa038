import { invalid } from "./errors.ts";

/** MLflow's own servers give up there too. */
const MAX_ROUNDS = 10;
const ESCAPES = /(?:%[0-9a-f]{2})+/gi;

/**
 * Decodes percent-encodings until nothing changes: each valid `%XX`, whatever stands around it. Bytes that are no UTF-8 become U+FFFD, as in
 * Python's `unquote`.
 * @param tidy applied after each round
 * @throws InvalidParameter when ten rounds do not come to an end
 */
export function decodeFully(text: string, tidy: (text: string) => string = (it) => it): string {
  let current = text;
  for (let round = 0; round <= MAX_ROUNDS; round++) {
    const next = tidy(current.replace(ESCAPES, decodeRun));
    if (next === current) return current;
    current = next;
  }
  throw invalid(`A name is percent-encoded more than ${MAX_ROUNDS} times.`);
}

function decodeRun(run: string): string {
  return Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8");
}

/** The UTF-8 bytes of `text` as `%xx`. */
export function percentEncoded(text: string): string {
  return Buffer.from(text).toString("hex").replaceAll(/../g, "%$&");
}
