import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

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
 * A file with the transactions of the group that the database has not committed yet: a line for each, with a checksum, the number of the group
 * and the transaction's place in it. It is never synced: it is there for the death of the process, not of the machine. A group is written over
 * the one before, so what follows its last line is of an older one, or torn.
 */
export class Journal {
  readonly #file: string;
  readonly #descriptor: number;
  readonly #line = Buffer.allocUnsafe(MAX_LINE_BYTES);
  #group = 0;
  #transactions = 0;
  #bytes = 0;

  constructor(file: string) {
    this.#file = file;
    this.#descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  }

  /** What the current group takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins a group. Numbers of groups rise. */
  start(group: number): void {
    this.#group = group;
    this.#transactions = 0;
    this.#bytes = 0;
  }

  /**
   * Keeps a transaction beyond the death of this process.
   * @returns false when it is too large
   * @throws what the file system does; nothing is kept then
   */
  append(transaction: Transaction): boolean {
    const text = JSON.stringify([this.#group, this.#transactions, transaction]);
    if (text.length * BYTES_PER_UNIT > MAX_LINE_BYTES - CHECKSUM_DIGITS - 1) return false;
    const length = this.#encode(text);
    for (let written = 0; written < length; ) {
      written += writeSync(this.#descriptor, this.#line, written, length - written, this.#bytes + written);
    }
    this.#bytes += length;
    this.#transactions++;
    return true;
  }

  /** The transactions of a group, as far as they were kept; more of them may be appended. */
  read(group: number): Transaction[] {
    this.start(group);
    const found: Transaction[] = [];
    const bytes = readFileSync(this.#file);
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, this.#bytes)) {
      const [ofGroup, place, transaction] = decode(bytes.subarray(this.#bytes, end)) ?? [];
      if (transaction === undefined || ofGroup !== group || place !== this.#transactions) break;
      found.push(transaction);
      this.#transactions++;
      this.#bytes = end + 1;
    }
    return found;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** For when everything is committed. */
  remove(): void {
    this.close();
    rmSync(this.#file);
  }

  /** Puts the line into the buffer. @returns its length */
  #encode(text: string): number {
    const end = CHECKSUM_DIGITS + this.#line.write(text, CHECKSUM_DIGITS);
    this.#line.write(checksum(this.#line.subarray(CHECKSUM_DIGITS, end)), "latin1");
    this.#line[end] = NEWLINE;
    return end + 1;
  }
}

function decode(line: Buffer): [group: number, place: number, transaction: Transaction] | undefined {
  const text = line.subarray(CHECKSUM_DIGITS);
  return line.toString("latin1", 0, CHECKSUM_DIGITS) === checksum(text) ? JSON.parse(text.toString()) : undefined;
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(CHECKSUM_DIGITS, "0");
}
