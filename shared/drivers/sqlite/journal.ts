import { closeSync, constants, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { crc32 } from "../../crc32.ts";

/** A statement that has changed the database, with the values it was given. */
export type Change = readonly [sql: string, ...values: (string | number | null)[]];

/** What one transaction has changed, in order. */
export type Transaction = readonly Change[];

/** A longer line is not taken: so much the database commits by itself no slower. */
const MAX_LINE_BYTES = 128 * 1024;
/** The most that one UTF-16 unit of a text takes in UTF-8. */
const BYTES_PER_UNIT = 3;
const CHECKSUM_DIGITS = 8;
const NEWLINE = 10;

/**
 * A file with the transactions that the database has not committed yet. Each is a line: a checksum, a number that rises
 * by one, and the statements. The file is never synced: it is there for the death of the process, not of the machine.
 * Once all is committed it is written over from its beginning, so what stands behind the last valid line is older, or
 * was cut off by a death. Each checksum includes the incarnation of the database: beside another one, such as a backup
 * that was put back, no line is valid.
 */
export class Journal {
  readonly #file: string;
  readonly #descriptor: number;
  readonly #line = Buffer.allocUnsafe(MAX_LINE_BYTES);
  #incarnation = 0;
  #last = 0;
  #bytes = 0;

  constructor(file: string) {
    this.#file = file;
    this.#descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  }

  /** Length of the valid lines at the beginning of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The number of the last transaction. */
  get last(): number {
    return this.#last;
  }

  /**
   * Keeps a transaction beyond the death of this process.
   * @returns false when it is too large
   * @throws what the file system does; nothing is kept then
   */
  append(transaction: Transaction): boolean {
    const text = JSON.stringify([this.#last + 1, transaction]);
    if (text.length * BYTES_PER_UNIT > MAX_LINE_BYTES - CHECKSUM_DIGITS - 1) return false;
    const length = this.#encode(text);
    for (let written = 0; written < length; ) {
      written += writeSync(this.#descriptor, this.#line, written, length - written, this.#bytes + written);
    }
    this.#bytes += length;
    this.#last++;
    return true;
  }

  /** Makes the journal that of another incarnation, and empty. */
  begin(incarnation: number): void {
    this.#incarnation = incarnation;
    this.restart();
  }

  /**
   * The valid transactions of this incarnation with numbers above `committed`. What is appended from now on stands
   * behind them.
   */
  read(committed: number, incarnation = this.#incarnation): Transaction[] {
    const bytes = readFileSync(this.#file);
    const found: Transaction[] = [];
    this.restart();
    let last: number | undefined;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, this.#bytes)) {
      const [number, transaction] = decode(bytes.subarray(this.#bytes, end), incarnation) ?? [];
      if (number === undefined || number !== (last ?? number - 1) + 1) break;
      last = number;
      this.#bytes = end + 1;
      if (number > committed) found.push(transaction!);
    }
    // Otherwise a loss of power has undone commits between `committed` and these lines, without which they cannot be
    // done again.
    const goesOn = last !== undefined && last - found.length === committed;
    this.#last = goesOn ? last! : committed;
    if (!goesOn) this.restart();
    return goesOn ? found : [];
  }

  /** Cuts off what is not valid now: once numbers are given again, after a loss of power, it might look valid. */
  trim(): void {
    ftruncateSync(this.#descriptor, this.#bytes);
  }

  /** To be called when everything that was appended is committed: it is written over from now on. */
  restart(): void {
    this.#bytes = 0;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** For when everything is committed. A file that stays does no harm. */
  remove(): void {
    this.close();
    try {
      rmSync(this.#file);
    } catch {
      // Another program looks at it.
    }
  }

  /** Puts the line into the buffer. @returns its length */
  #encode(text: string): number {
    const end = CHECKSUM_DIGITS + this.#line.write(text, CHECKSUM_DIGITS);
    this.#line.write(checksum(this.#line.subarray(CHECKSUM_DIGITS, end), this.#incarnation), "latin1");
    this.#line[end] = NEWLINE;
    return end + 1;
  }
}

function decode(line: Buffer, incarnation: number): [number: number, transaction: Transaction] | undefined {
  const text = line.subarray(CHECKSUM_DIGITS);
  return line.toString("latin1", 0, CHECKSUM_DIGITS) === checksum(text, incarnation)
    ? JSON.parse(text.toString())
    : undefined;
}

function checksum(bytes: Buffer, incarnation: number): string {
  return crc32(bytes, incarnation).toString(16).padStart(CHECKSUM_DIGITS, "0");
}
