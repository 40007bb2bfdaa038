import { invalid } from "../domain/errors.ts";

const MAX_LEVELS = 64;
const MAX_VALUES = 100_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/**
 * Judges JSON while it arrives, before anything is made of it: a million values or levels take a hundred times as long to make as they take to send. What
 * is no JSON is left to the parser.
 */
export class JsonShape {
  private levels = 0;
  private deepest = 0;
  private values = 0;
  private isText = false;
  private isEscaped = false;

  /** Why what comes next, and with it the whole, is refused; undefined when it is not. */
  faultIn(chunks: readonly Uint8Array[]): Error | undefined {
    for (const chunk of chunks) this.take(chunk);
    if (this.deepest > MAX_LEVELS) return invalid(`The request body is nested deeper than ${MAX_LEVELS} levels.`);
    if (this.values <= MAX_VALUES) return undefined;
    return invalid(`The request body has more than ${MAX_VALUES} values. Send some at a time.`);
  }

  private take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.isText) this.takeText(byte);
      else if (byte === QUOTE) this.isText = true;
      else if (byte === COMMA) this.values++;
      // [ and {, ] and }
      else if ((byte | 0x20) === 0x7b) this.open();
      else if ((byte | 0x20) === 0x7d) this.levels--;
    }
  }

  private takeText(byte: number): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (byte === BACKSLASH) this.isEscaped = true;
    else if (byte === QUOTE) this.isText = false;
  }

  private open(): void {
    this.values++;
    this.deepest = Math.max(this.deepest, ++this.levels);
  }
}
