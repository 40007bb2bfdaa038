export type ByteStream = AsyncIterable<Uint8Array>;

export interface BlobProperties {
  /** Container and path, as given: `artifacts/ws/…`. */
  readonly name: string;
  readonly size: number;
  readonly etag: string;
  readonly contentType: string;
  readonly lastModifiedMs: number;
}

/** `first` to `last`, both inclusive and from 0; `last` absent: to the end. */
export interface ByteRange {
  readonly first: number;
  readonly last?: number;
}

export interface BlobDownload {
  readonly properties: BlobProperties;
  /** Bytes of the range; empty when the range begins at or behind the end. Abandoning the iteration frees the source. */
  readonly body: ByteStream;
}

export interface WriteOptions {
  /** Default `application/octet-stream`. */
  readonly contentType?: string;
  /** Only if this ETag is current; raises PreconditionFailed. */
  readonly ifMatch?: string;
  /** Only if nothing is there; raises AlreadyExists. */
  readonly ifNoneMatch?: "*";
  /**
   * For what takes the place of something that goes afterwards: a loss of power must not take the one that has come when it leaves the other one
   * gone. What is written over a blob is always treated so.
   */
  readonly mustLast?: boolean;
}

export interface BlobPage {
  readonly blobs: readonly BlobProperties[];
  /** With a delimiter: the distinct "folders" directly below the prefix, each ending in `/`. */
  readonly prefixes: readonly string[];
}

export const MAX_BLOCKS = 50_000;
/** Of one piece. */
export const MAX_APPEND_BYTES = 4 * 1024 * 1024;

/**
 * Blobs by name, in Azure Blob Storage's terms. A name is `<container>/<path>`; `a`, `a/b` and `A` are three blobs.
 *
 * Laws:
 * - The container is one of lower-case letters, digits and `-`; the path has 1 to `maxPathLength` characters, at most 254 segments, none of
 *   them empty, `.` or `..`, no control characters and no `\`; else InvalidArgument.
 * - A write is all or nothing: a reader sees the old content whole or the new content whole; a stream that fails leaves the old content.
 *   What was acknowledged survives the death of the process. Memory stays constant whatever the size.
 * - A reader that has begun keeps reading what it began with, or fails; it never gets a mixture.
 * - A blob is written whole or appended to, never both. What was written whole takes no `append`, and what was appended no blocks
 *   (InvalidArgument). `put` replaces what was appended, whole, or raises InvalidArgument: not every body can, so remove it first.
 */
export interface BlobStore {
  /** Characters (UTF-16 units) of a path below its container: 1,024 at least. */
  maxPathLength(): number;

  /** Creates or replaces. */
  put(name: string, body: ByteStream | Uint8Array, options?: WriteOptions): Promise<BlobProperties>;

  /** Undefined when absent. */
  get(name: string, range?: ByteRange): Promise<BlobDownload | undefined>;

  /** Undefined when absent. */
  head(name: string): Promise<BlobProperties | undefined>;

  /** False when it was not there. */
  remove(name: string): Promise<boolean>;

  /**
   * Blobs whose name begins with `prefix` (`<container>/` at least), ascending by name (UTF-8 bytes), in pages of at most `pageSize`
   * (default 1,000) entries, never empty. With `delimiter` deeper names are rolled up into `prefixes`. Blobs written or removed
   * meanwhile may or may not be seen; all others exactly once.
   */
  list(prefix: string, options?: { delimiter?: "/"; pageSize?: number }): AsyncIterable<BlobPage>;

  /**
   * Keeps a block for a later `commitBlocks`; staging an id again replaces it. Block ids of one blob have equal length (1-64 bytes of
   * `[A-Za-z0-9_-]`). Uncommitted blocks are no blob, and go by themselves after a week.
   */
  stageBlock(name: string, blockId: string, body: ByteStream | Uint8Array): Promise<void>;

  /** Makes the blob of staged blocks in this order, and drops the other staged ones. Raises InvalidArgument for an unknown block. */
  commitBlocks(name: string, blockIds: readonly string[], options?: WriteOptions): Promise<BlobProperties>;

  /**
   * Makes `to` what `from` is, in place of what was there; `from` is empty afterwards. An empty `from` was handed over already: nothing is done,
   * so a call whose fate is unknown may be made again. A death on the way leaves `from` as it was, whether or not `to` has it.
   * @throws InvalidArgument where `from` is absent
   */
  handOver(from: string, to: string): Promise<void>;

  /**
   * Adds 1 byte to 4 MiB to the end of a blob of exactly `at` bytes; one that is absent has 0, and comes to be. Of several who append at
   * one position one succeeds. Other readers and writers see the whole piece, or none of it, and a new ETag.
   * @throws PreconditionFailed when the blob has another length: nothing is added, so a piece whose fate is unknown may be sent again;
   * TooLarge when the blob has `at` bytes and takes no more pieces (Azure: 50,000); InvalidArgument
   */
  append(name: string, bytes: Uint8Array, at: number): Promise<void>;

  /** A URL that reads this one blob (GET, HEAD, Range) without further credentials until it expires. `headers` must be sent along. */
  signedUrl(name: string, expiresInSeconds: number): Promise<{ url: string; headers: Record<string, string> }>;

  /**
   * URLs to which these blocks of a blob are PUT, one for each, without further credentials until they expire; for nothing else, so far as the
   * store can tell (in Azure the signature is for all writing to this name: give it one that nobody else reads). `headers` must be sent along.
   */
  signedBlockUrls(
    name: string,
    blockIds: readonly string[],
    expiresInSeconds: number,
  ): Promise<{ urls: string[]; headers: Record<string, string> }>;
}
