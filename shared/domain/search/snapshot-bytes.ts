import { crc32 } from "../../crc32.ts";

const CHUNK_BYTES = 256 * 1024;
const CHECKSUM_BYTES = 4;
/** Texts are joined up to about so many characters: many to decode at once, few to keep alive for one that is still in use. */
const JOINED_CHARACTERS = 64 * 1024;

/**
 * Gathers what is written into chunks of 256 KB, each of them a copy. Numbers lie in the byte order of this machine.
 */
export class ByteSink {
  #full: Uint8Array[] = [];
  #chunk = new Uint8Array(CHUNK_BYTES);
  #used = 0;
  #checksum = 0;

  /** The chunks that are full by now; each is handed out once. */
  takeFull(): Uint8Array[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** Ends with the checksum of everything before. @returns the chunks not taken yet */
  finish(): Uint8Array[] {
    this.#checksum = crc32(this.#chunk.subarray(0, this.#used), this.#checksum);
    this.u32(this.#checksum);
    return [...this.takeFull(), this.#chunk.subarray(0, this.#used)];
  }

  bytes(source: ArrayBufferView): void {
    const bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + CHUNK_BYTES - this.#used);
      this.#chunk.set(bytes.subarray(at, end), this.#used);
      this.#used += end - at;
      at = end;
      if (this.#used === CHUNK_BYTES) this.#beginChunk();
    }
  }

  u32(value: number): void {
    this.bytes(Uint32Array.of(value));
  }

  floats(values: Float64Array): void {
    this.u32(values.length);
    this.bytes(values);
  }

  /** Whole numbers from 0 to 2^32-1, in one, two or four bytes each as the largest demands. */
  wholes(values: Uint32Array): void {
    let largest = 0;
    for (let at = 0; at < values.length; at++) if (values[at]! > largest) largest = values[at]!;
    const width = largest < 2 ** 8 ? 1 : largest < 2 ** 16 ? 2 : 4;
    this.u32(width);
    this.u32(values.length);
    this.bytes(width === 4 ? values : width === 2 ? new Uint16Array(values) : new Uint8Array(values));
  }

  /** Any text, lone surrogates included. */
  text(value: string): void {
    const isNarrow = isLatin1(value);
    const bytes = Buffer.from(value, isNarrow ? "latin1" : "utf16le");
    this.u32(isNarrow ? 1 : 0);
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  /** A list of texts. Yields whenever chunks may have become full. */
  *texts(count: number, textAt: (index: number) => string): Iterable<void> {
    this.u32(count);
    for (let index = 0; index < count; ) {
      const lengths: number[] = [];
      let joined = "";
      while (index < count && joined.length < JOINED_CHARACTERS && lengths.length < JOINED_CHARACTERS) {
        const text = textAt(index++);
        joined += text;
        lengths.push(text.length);
      }
      this.wholes(new Uint32Array(lengths));
      this.text(joined);
      yield;
    }
  }

  #beginChunk(): void {
    this.#checksum = crc32(this.#chunk, this.#checksum);
    this.#full.push(this.#chunk);
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#used = 0;
  }
}

/** Reads what a `ByteSink` wrote; everything handed out is a copy. Raises RangeError where the bytes end too early. */
export class ByteSource {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Whether the bytes end with their checksum. */
  get isWhole(): boolean {
    const end = this.#bytes.length - CHECKSUM_BYTES;
    if (end < 0) return false;
    const checksum = new Uint32Array(Uint8Array.from(this.#bytes.subarray(end)).buffer)[0];
    return crc32(this.#bytes.subarray(0, end)) === checksum;
  }

  bytes(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("The snapshot ends too early.");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  u32(): number {
    return new Uint32Array(this.#copy(4))[0]!;
  }

  floats(): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#copy(this.u32() * 8));
  }

  wholes(): Uint32Array<ArrayBuffer> {
    const width = this.u32();
    const copy = this.#copy(this.u32() * width);
    if (width === 4) return new Uint32Array(copy);
    return new Uint32Array(width === 2 ? new Uint16Array(copy) : new Uint8Array(copy));
  }

  text(): string {
    const encoding = this.u32() === 1 ? "latin1" : "utf16le";
    return this.bytes(this.u32()).toString(encoding);
  }

  texts(): string[] {
    const count = this.u32();
    const values: string[] = [];
    while (values.length < count) {
      const lengths = this.wholes();
      if (lengths.length === 0) throw new RangeError("The snapshot lists fewer texts than it counts.");
      const joined = this.text();
      let at = 0;
      for (const length of lengths) {
        values.push(joined.slice(at, at + length));
        at += length;
      }
    }
    return values;
  }

  #copy(length: number): ArrayBuffer {
    const copy = new Uint8Array(length > this.#bytes.length ? 0 : length);
    copy.set(this.bytes(length));
    return copy.buffer;
  }
}

function isLatin1(value: string): boolean {
  return !/[\u0100-\uffff]/.test(value);
}
