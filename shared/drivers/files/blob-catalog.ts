import type { BlobProperties, ByteRange, WriteOptions } from "../../stores/blob-store.ts";
import type { Clock } from "../../stores/clock.ts";
import { AlreadyExists, InvalidArgument, PreconditionFailed } from "../../stores/errors.ts";
import type { Database } from "../sqlite/database.ts";
import { type BlobRow, type BlobStatements, type BlockRow, blobStatements } from "./blob-statements.ts";
import type { Piece } from "./content-folder.ts";

const DEFAULT_CONTENT_TYPE = "application/octet-stream";
const BLOCK_LIFETIME_MS = 7 * 24 * 60 * 60 * 1_000;

/** A file that is written, and on the garbage list until a blob or block refers to it. */
export interface WrittenFile {
  readonly file: number;
  readonly size: number;
}

/** Content that nothing refers to any more; its files are on the garbage list. */
export interface Displaced {
  /** Undefined for files that no reader can have begun with: staged blocks. */
  readonly content: number | undefined;
  readonly files: readonly number[];
}

export interface Written {
  readonly blob: BlobProperties;
  readonly displaced: readonly Displaced[];
}

interface BlobWrite {
  readonly name: string;
  readonly content: number;
  readonly size: number;
  readonly contentType: string | undefined;
}

/**
 * What the database knows of blobs: names, properties, the files of their content, staged blocks and garbage. Each method is one
 * transaction; between them a file is always referred to, or on the garbage list.
 */
export class BlobCatalog {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #sql: BlobStatements;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#sql = blobStatements(database);
  }

  find(name: string): BlobRow | undefined {
    return this.#sql.blob.get(name);
  }

  /** Blobs whose name is `from` or greater, in order of their names' UTF-8 bytes. The iteration must end before the next await. */
  from(from: string): Iterable<BlobRow> {
    return this.#sql.blobsFrom.iterate(from);
  }

  /** Where the bytes of a range lie. */
  pieces(blob: BlobRow, { first, last = blob.size - 1 }: ByteRange): Piece[] {
    const end = Math.min(last, blob.size - 1);
    if (first > end) return [];
    return this.#sql.parts.all(blob.content, first, end).map((part) => {
      const from = Math.max(first - part.start, 0);
      return { file: part.file, from, length: Math.min(part.size, end + 1 - part.start) - from };
    });
  }

  /** The number of a file about to be written. */
  allocate(): number {
    return this.#database.write(() => this.#sql.allocate.run().lastInsertRowid);
  }

  /** @throws AlreadyExists, PreconditionFailed when the conditions do not hold now */
  checkConditions(name: string, { ifMatch, ifNoneMatch }: WriteOptions): void {
    if (ifMatch === undefined && ifNoneMatch === undefined) return;
    const current = this.find(name);
    if (ifNoneMatch !== undefined && current !== undefined) throw new AlreadyExists(`The blob ${name} exists.`);
    if (ifMatch !== undefined && (current === undefined || etagOf(current) !== ifMatch)) {
      throw new PreconditionFailed(`The blob ${name} has changed or is gone.`);
    }
  }

  /** Makes `file` the content of the blob. Staged blocks of the name go, as in Azure. */
  put(name: string, { file, size }: WrittenFile, { contentType, ...conditions }: WriteOptions): Written {
    return this.#database.transaction(() => {
      this.checkConditions(name, conditions);
      this.#addParts(file, [{ file, size }]);
      const unused = [this.#dropBlocks(name, [])];
      if (size === 0) unused.push({ content: undefined, files: [file] });
      return this.#replace({ name, content: file, size, contentType }, unused);
    });
  }

  /** Makes `file` the first piece of a blob that is appended to. */
  beginAppended(name: string, { file, size }: WrittenFile): Written {
    return this.#database.transaction(() => {
      this.#endAt(name, 0);
      this.#addParts(file, [{ file, size }]);
      this.#sql.addAppended.run(file);
      return this.#replace({ name, content: file, size, contentType: undefined }, []);
    });
  }

  /**
   * Adds a piece to the blob's file; false where there is no blob yet. Bytes behind the blob's size, left by a write that came to no
   * commit, are nobody's, and written over.
   * @param write puts the piece into the file, before this returns
   */
  append(name: string, at: number, length: number, write: (file: number) => void): boolean {
    return this.#database.transaction(() => {
      const growing = this.#endAt(name, at);
      if (growing === undefined) return false;
      write(growing.file);
      this.#sql.growPart.run(at + length, growing.content);
      this.#sql.growBlob.run(at + length, this.#clock.now(), name);
      return true;
    });
  }

  remove(name: string): Displaced | undefined {
    return this.#database.transaction(() => {
      const displaced = this.#displace(name);
      if (displaced !== undefined) this.#sql.removeBlob.run(name);
      return displaced;
    });
  }

  /** @throws InvalidArgument when another block of the blob has an id of another length */
  stage(name: string, blockId: string, { file, size }: WrittenFile): Displaced | undefined {
    return this.#database.transaction(() => {
      this.#checkTakesBlocks(name);
      const other = this.#sql.blockOfOtherLength.get(name, blockId.length);
      if (other !== undefined)
        throw new InvalidArgument(`blockId: ${blockId} must be as long as ${other.block_id} of this blob.`);
      const replaced = this.#sql.block.get(name, blockId);
      this.#sql.removeGarbage.run(file);
      this.#sql.writeBlock.run(name, blockId, file, size, this.#clock.now());
      return replaced && this.#discard(undefined, [replaced.file]);
    });
  }

  /** @throws InvalidArgument for a block that is not staged */
  commit(name: string, blockIds: readonly string[], { contentType, ...conditions }: WriteOptions): Written {
    return this.#database.transaction(() => {
      this.#checkTakesBlocks(name);
      this.checkConditions(name, conditions);
      const blocks = blockIds.map((blockId) => this.#stagedBlock(name, blockId));
      const content = this.#sql.allocate.run().lastInsertRowid;
      this.#sql.removeGarbage.run(content);
      const unused = [this.#dropBlocks(name, blocks)];
      const size = this.#addParts(content, blocks);
      return this.#replace({ name, content, size, contentType }, unused);
    });
  }

  /** Moves the content of a blob to another name and leaves it empty. @throws InvalidArgument where there is none */
  handOver(from: string, to: string): Displaced[] {
    return this.#database.transaction(() => {
      this.#checkTakesBlocks(from);
      this.#checkTakesBlocks(to);
      const given = this.find(from);
      if (given === undefined) throw new InvalidArgument(`from: ${from} does not exist.`);
      if (given.size === 0 || from === to) return [];
      const { content, size, content_type: contentType } = given;
      const empty = this.#sql.allocate.run().lastInsertRowid;
      this.#sql.removeGarbage.run(empty);
      this.#sql.writeBlob.run(from, empty, 0, contentType, this.#clock.now());
      return [...this.#replace({ name: to, content, size, contentType }, []).displaced];
    });
  }

  /** The files of a blob's content; none where there is no blob. */
  filesOf(name: string): number[] {
    const blob = this.find(name);
    return blob === undefined ? [] : this.#sql.files.all(blob.content).map(({ file }) => file);
  }

  /** The files of blocks that are staged, each once. */
  stagedFiles(name: string, blockIds: readonly string[]): number[] {
    const found = [...new Set(blockIds)].map((blockId) => this.#sql.block.get(name, blockId));
    return found.flatMap((block) => (block && block.size > 0 ? [block.file] : []));
  }

  /** Drops the blocks of every blob for which none was staged for a week. */
  dropAbandonedBlocks(): Displaced[] {
    return this.#database.transaction(() =>
      this.#sql.abandoned.all(this.#clock.now() - BLOCK_LIFETIME_MS).map(({ name }) => this.#dropBlocks(name, [])),
    );
  }

  garbage(): number[] {
    return this.#sql.garbage.all().map(({ file }) => file);
  }

  /** The files are unlinked. */
  forget(files: readonly number[]): void {
    this.#database.transaction(() => {
      for (const file of files) this.#sql.removeGarbage.run(file);
    });
  }

  /**
   * The file at whose end, `at`, a piece may go; undefined where there is no blob, and that is 0.
   * @throws PreconditionFailed, InvalidArgument
   */
  #endAt(name: string, at: number): { content: number; file: number } | undefined {
    const blob = this.find(name);
    const appended = blob && this.#sql.appended.get(blob.content);
    if (blob !== undefined && appended === undefined)
      throw new InvalidArgument(`name: ${name} is not a blob that was appended to.`);
    const size = blob?.size ?? 0;
    if (size !== at) throw new PreconditionFailed(`${name} has not ${at} bytes, but ${size}.`);
    return blob && appended && { content: blob.content, file: appended.file };
  }

  #checkTakesBlocks(name: string): void {
    const blob = this.find(name);
    if (blob !== undefined && this.#sql.appended.get(blob.content) !== undefined)
      throw new InvalidArgument(`name: ${name} is appended to, so it is not written; remove it first.`);
  }

  #stagedBlock(name: string, blockId: string): BlockRow {
    const block = this.#sql.block.get(name, blockId);
    if (block === undefined) throw new InvalidArgument(`blockIds: the block ${blockId} is not staged for ${name}.`);
    return block;
  }

  /** Returns the size of all. A file without bytes holds nothing of the content and stays garbage. */
  #addParts(content: number, files: readonly WrittenFile[]): number {
    let start = 0;
    for (const { file, size } of files) {
      if (size === 0) continue;
      this.#sql.removeGarbage.run(file);
      this.#sql.addPart.run(content, start, size, file);
      start += size;
    }
    return start;
  }

  /** Drops the staged blocks of a name, but for the files of `used`. */
  #dropBlocks(name: string, used: readonly BlockRow[]): Displaced {
    const kept = new Set(used.filter(({ size }) => size > 0).map(({ file }) => file));
    const dropped = this.#sql.blocks.all(name).filter(({ file }) => !kept.has(file));
    this.#sql.removeBlocks.run(name);
    return this.#discard(
      undefined,
      dropped.map(({ file }) => file),
    );
  }

  #replace({ name, content, size, contentType = DEFAULT_CONTENT_TYPE }: BlobWrite, unused: Displaced[]): Written {
    const replaced = this.#displace(name);
    const modifiedMs = this.#clock.now();
    this.#sql.writeBlob.run(name, content, size, contentType, modifiedMs);
    const blob = { name, size, etag: etagOf({ content, size }), contentType, lastModifiedMs: modifiedMs };
    return { blob, displaced: replaced === undefined ? unused : [...unused, replaced] };
  }

  #displace(name: string): Displaced | undefined {
    const current = this.find(name);
    if (current === undefined) return undefined;
    const files = this.filesOf(name);
    this.#sql.removeParts.run(current.content);
    this.#sql.removeAppended.run(current.content);
    return this.#discard(current.content, files);
  }

  #discard(content: number | undefined, files: readonly number[]): Displaced {
    for (const file of files) this.#sql.addGarbage.run(file);
    return { content, files };
  }
}

export function propertiesOf(row: BlobRow): BlobProperties {
  return {
    name: row.name,
    size: row.size,
    etag: etagOf(row),
    contentType: row.content_type,
    lastModifiedMs: row.modified_ms,
  };
}

/** Every write makes a content of its own, or a longer one. */
function etagOf({ content, size }: { content: number; size: number }): string {
  return `0x${content.toString(16)}-${size.toString(16)}`;
}
