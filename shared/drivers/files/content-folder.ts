import { closeSync, fdatasyncSync, fsyncSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ByteStream } from "../../stores/blob-store.ts";

/** Bytes of one read. */
const CHUNK_BYTES = 256 * 1024;
/** Up to here one blocking call, of some ten µs, beats the four round trips through the thread pool that it replaces. */
const SMALL_BYTES = 64 * 1024;

/** A stretch of one content file. */
export interface Piece {
  readonly file: number;
  readonly from: number;
  readonly length: number;
}

/** Files named by numbers, in two levels of folders with at most 256 entries each below the first. */
export class ContentFolder {
  readonly #root: string;
  readonly #durable: boolean;
  readonly #made = new Set<string>();

  /** @param durable whether `write` returns only when the file and its name are on the disk */
  constructor(root: string, durable: boolean) {
    this.#root = root;
    this.#durable = durable;
  }

  /**
   * Writes a file and returns its size. When `body` fails, the error comes through and a part of the file may be there. A file of that number is
   * of a time that a loss of power has undone, and written over.
   */
  async write(file: number, body: ByteStream | Uint8Array): Promise<number> {
    const path = this.#path(file);
    this.#makeFolder(dirname(path));
    const writer = new FileWriter(path, this.#durable);
    try {
      if (body instanceof Uint8Array) await writer.add(body);
      else for await (const chunk of body) await writer.add(chunk);
      return await writer.finish();
    } finally {
      await writer.close();
    }
  }

  /** Writes a piece into a file that is there, over whatever is behind `from`. Blocks, so that nothing comes between piece and catalog. */
  extend(file: number, from: number, bytes: Uint8Array): void {
    const descriptor = openSync(this.#path(file), "r+");
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(descriptor, bytes, done, bytes.length - done, from + done);
      if (this.#durable) fdatasyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  async *read(pieces: readonly Piece[]): AsyncGenerator<Uint8Array, void, undefined> {
    for (const piece of pieces) {
      if (piece.length <= SMALL_BYTES) yield readSmall(this.#path(piece.file), piece);
      else yield* readLarge(this.#path(piece.file), piece);
    }
  }

  /** Sees to it that files that were written before are on the disk. */
  async sync(files: readonly number[]): Promise<void> {
    if (this.#durable) return;
    for (const path of files.map((file) => this.#path(file))) {
      await syncPath(path, "r+");
      await this.#syncNames(path);
    }
  }

  /** False when it cannot be done. A file that is not there is no error. */
  async unlink(file: number): Promise<boolean> {
    return rm(this.#path(file), { force: true }).then(
      () => true,
      () => false,
    );
  }

  /** The names of a file and of the folders above it, which may be as new. Windows has no such call. */
  async #syncNames(path: string): Promise<void> {
    if (process.platform === "win32") return;
    for (let folder = dirname(path); folder.length >= this.#root.length; folder = dirname(folder))
      await syncPath(folder, "r");
  }

  #path(file: number): string {
    return join(this.#root, contentPath(file));
  }

  #makeFolder(folder: string): void {
    if (this.#made.has(folder)) return;
    mkdirSync(folder, { recursive: true });
    if (this.#durable) for (const each of [dirname(folder), this.#root]) syncFolder(each);
    this.#made.add(folder);
  }
}

/** Below the folder. */
export function contentPath(file: number): string {
  return join(hexByte(file >> 16), hexByte(file >> 8), String(file));
}

/** Gathers small chunks; the file is opened when the first write is due, and a small whole is written by one call. */
class FileWriter {
  readonly #path: string;
  readonly #durable: boolean;
  #handle: FileHandle | undefined;
  #gathered: Buffer | undefined;
  #gatheredBytes = 0;
  #size = 0;

  constructor(path: string, durable: boolean) {
    this.#path = path;
    this.#durable = durable;
  }

  async add(chunk: Uint8Array): Promise<void> {
    this.#size += chunk.length;
    if (this.#gatheredBytes + chunk.length > SMALL_BYTES) await this.#flush();
    if (chunk.length > SMALL_BYTES) await this.#write(chunk);
    else this.#gather(chunk);
  }

  async finish(): Promise<number> {
    if (this.#handle === undefined && !this.#durable) {
      writeFileSync(this.#path, this.#takeGathered(), { flag: "w" });
      return this.#size;
    }
    await this.#flush();
    if (this.#durable) {
      await this.#handle?.sync();
      syncFolder(dirname(this.#path));
    }
    return this.#size;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  /** Copies, because the source may use its buffer again for the next chunk. */
  #gather(chunk: Uint8Array): void {
    this.#gathered ??= Buffer.allocUnsafeSlow(SMALL_BYTES);
    this.#gathered.set(chunk, this.#gatheredBytes);
    this.#gatheredBytes += chunk.length;
  }

  #takeGathered(): Uint8Array {
    const bytes = this.#gathered?.subarray(0, this.#gatheredBytes) ?? new Uint8Array(0);
    this.#gatheredBytes = 0;
    return bytes;
  }

  #flush(): Promise<void> {
    return this.#write(this.#takeGathered());
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#handle ??= await open(this.#path, "w");
    // Unlike write(), writeFile() goes on until every byte is written.
    if (bytes.length > 0) await this.#handle.writeFile(bytes);
  }
}

function readSmall(path: string, { from, length }: Piece): Uint8Array {
  const buffer = Buffer.allocUnsafeSlow(length);
  const descriptor = openSync(path, "r");
  try {
    expectAll(readSync(descriptor, buffer, 0, length, from), length, path);
  } finally {
    closeSync(descriptor);
  }
  return buffer;
}

async function* readLarge(path: string, { from, length }: Piece): AsyncGenerator<Uint8Array, void, undefined> {
  const handle = await open(path, "r");
  try {
    for (let done = 0; done < length; ) {
      const wanted = Math.min(CHUNK_BYTES, length - done);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, from + done);
      expectAll(bytesRead, wanted, path);
      done += bytesRead;
      yield buffer;
    }
  } finally {
    await handle.close();
  }
}

function expectAll(bytesRead: number, wanted: number, path: string): void {
  if (bytesRead < wanted) throw new Error(`The content file ${path} is shorter than it was when it was written.`);
}

async function syncPath(path: string, flags: "r" | "r+"): Promise<void> {
  const handle = await open(path, flags);
  await handle.sync().finally(() => handle.close());
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function hexByte(value: number): string {
  return (value & 0xff).toString(16).padStart(2, "0");
}
