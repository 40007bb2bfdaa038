import { closeSync, constants, ftruncateSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { crc32 } from "../../crc32.ts";

/** A statement that has changed the database, with the values it was given. */
export type Change = readonly [sql: string, ...values: (string | number | null)[]];

/** What one transaction has changed, in order. */
export type Transaction = readonly Change[];

/** A longer line is not taken: the database writes so much no slower by itself. */
const MAX_LINE_BYTES = 128 * 1024;
/** No unit of a text takes more bytes in UTF-8. */
const BYTES_PER_UNIT = 3;
const CHECKSUM_DIGITS = 8;
const NEWLINE = 10;

/**
 * A file with the transactions that the database has not committed yet: a line for each, with a checksum and the transaction's number, which
 * rises by one. It is never synced: it is there for the death of the process, not of the machine. Once all is committed it is written over from
 * its beginning, so what follows its last line is older, or torn. The checksums begin with the incarnation of the database that the lines are for: in
 * the journal of another one, such as a copy from before that came back, no line is right.
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

  /** Of the file, as far as it means something. */
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

  /** What is appended from now on is for this one, what was before means nothing any more. */
  begin(incarnation: number): void {
    this.#incarnation = incarnation;
    this.restart();
  }

  /** The transactions behind number `committed`, as far as they were kept for this incarnation. What follows is appended to them. */
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
    // Lines that do not go on from there are of a time that a loss of power has undone.
    const goesOn = last !== undefined && last - found.length === committed;
    this.#last = goesOn ? last! : committed;
    if (!goesOn) this.restart();
    return goesOn ? found : [];
  }

  /** Removes what means nothing, and might mean something once numbers come again after a loss of power. */
  trim(): void {
    ftruncateSync(this.#descriptor, this.#bytes);
  }

  /** What was appended so far is committed. */
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
