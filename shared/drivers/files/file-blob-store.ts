import type {
  BlobDownload,
  BlobPage,
  BlobProperties,
  BlobStore,
  ByteRange,
  ByteStream,
  WriteOptions,
} from "../../stores/blob-store.ts";
import { MAX_BLOCKS } from "../../stores/blob-store.ts";
import { TooLarge } from "../../stores/errors.ts";
import { afterTurn, turn } from "../../turns.ts";
import { checkBlobName, checkBlockId, checkPiece, checkPrefix, checkRange } from "../common/blob-names.ts";
import type { Database } from "../sqlite/database.ts";
import { asStoreError } from "../sqlite/sqlite-errors.ts";
import { type BlobCatalog, type Displaced, propertiesOf, type WrittenFile } from "./blob-catalog.ts";
import { listPage } from "./blob-listing.ts";
import type { ContentFolder } from "./content-folder.ts";
import { FileGarbage } from "./file-garbage.ts";
import { Readers } from "./readers.ts";
import type { SignedBlobs } from "./signed-blobs.ts";

const DEFAULT_PAGE_SIZE = 1_000;
const MAX_PATH_LENGTH = 4_096;
const BLOCKS_PER_SWEEP = 256;

/**
 * Blobs as files of generated names; the database knows which file is whose. A file is on the garbage list before it is written and
 * again before it is unlinked, so a process that dies in between leaves nothing that the next one does not find. What replaces a content is on the
 * disk before it does, and what is replaced goes when the disk knows of it: a loss of power leaves one of the two, whole.
 */
export class FileBlobStore implements BlobStore {
  readonly #catalog: BlobCatalog;
  readonly #folder: ContentFolder;
  readonly #signed: SignedBlobs;
  readonly #database: Database;
  readonly #garbage: FileGarbage;
  readonly #readers = new Readers((files) => this.#garbage.add(files));
  #staged = 0;

  constructor(catalog: BlobCatalog, folder: ContentFolder, signed: SignedBlobs, database: Database) {
    this.#catalog = catalog;
    this.#folder = folder;
    this.#signed = signed;
    this.#database = database;
    this.#garbage = new FileGarbage(catalog, folder, database);
    catalog.dropAbandonedBlocks();
    this.#garbage.add(catalog.garbage());
  }

  maxPathLength(): number {
    return MAX_PATH_LENGTH;
  }

  async put(name: string, body: ByteStream | Uint8Array, options: WriteOptions = {}): Promise<BlobProperties> {
    checkBlobName(name, MAX_PATH_LENGTH);
    this.#catalog.checkConditions(name, options);
    const mustLast = () => options.mustLast === true || this.#catalog.find(name) !== undefined;
    return this.#withFile(body, (file) => this.#catalog.put(name, file, options), mustLast);
  }

  async get(name: string, range: ByteRange = { first: 0 }): Promise<BlobDownload | undefined> {
    checkBlobName(name, MAX_PATH_LENGTH);
    checkRange(range);
    const blob = this.#catalog.find(name);
    if (blob === undefined) return undefined;
    const source = this.#folder.read(this.#catalog.pieces(blob, range));
    return { properties: propertiesOf(blob), body: this.#readers.open(blob.content, source) };
  }

  async head(name: string): Promise<BlobProperties | undefined> {
    checkBlobName(name, MAX_PATH_LENGTH);
    const blob = this.#catalog.find(name);
    return afterTurn(blob && propertiesOf(blob));
  }

  async remove(name: string): Promise<boolean> {
    checkBlobName(name, MAX_PATH_LENGTH);
    const displaced = await this.#database.patiently(() => this.#catalog.remove(name));
    if (displaced !== undefined) this.#release([displaced]);
    return afterTurn(displaced !== undefined);
  }

  async *list(
    prefix: string,
    { delimiter, pageSize = DEFAULT_PAGE_SIZE }: { delimiter?: "/"; pageSize?: number } = {},
  ): AsyncIterable<BlobPage> {
    checkPrefix(prefix);
    let next: string | undefined = prefix;
    while (next !== undefined) {
      const listed = listPage(this.#catalog, prefix, next, delimiter !== undefined, Math.max(1, pageSize));
      await turn();
      if (listed.page.blobs.length + listed.page.prefixes.length > 0) yield listed.page;
      next = listed.next;
    }
  }

  async stageBlock(name: string, blockId: string, body: ByteStream | Uint8Array): Promise<void> {
    checkBlobName(name, MAX_PATH_LENGTH);
    checkBlockId(blockId);
    await this.#withFile(body, (file) => {
      const replaced = this.#catalog.stage(name, blockId, file);
      return { blob: undefined, displaced: replaced === undefined ? [] : [replaced] };
    });
    this.#staged++;
    // What was staged just now must not fail of it.
    if (this.#staged % BLOCKS_PER_SWEEP === 0) await this.sweep().catch(() => {});
  }

  async commitBlocks(name: string, blockIds: readonly string[], options: WriteOptions = {}): Promise<BlobProperties> {
    checkBlobName(name, MAX_PATH_LENGTH);
    if (blockIds.length > MAX_BLOCKS)
      throw new TooLarge(`blockIds: ${blockIds.length} given, a blob takes ${MAX_BLOCKS}.`);
    for (const blockId of blockIds) checkBlockId(blockId);
    if (this.#catalog.find(name) !== undefined) await this.#folder.sync(this.#catalog.stagedFiles(name, blockIds));
    return this.#finish(await this.#database.patiently(() => this.#catalog.commit(name, blockIds, options)));
  }

  async append(name: string, bytes: Uint8Array, at: number): Promise<void> {
    checkBlobName(name, MAX_PATH_LENGTH);
    checkPiece(bytes, at);
    const grow = () => this.#catalog.append(name, at, bytes.length, (file) => this.#folder.extend(file, at, bytes));
    const grown = await this.#database.patiently(grow);
    if (!grown) await this.#withFile(bytes, (file) => this.#catalog.beginAppended(name, file));
  }

  async handOver(from: string, to: string): Promise<void> {
    for (const name of [from, to]) checkBlobName(name, MAX_PATH_LENGTH);
    if (this.#catalog.find(to) !== undefined) await this.#folder.sync(this.#catalog.filesOf(from));
    this.#release(await this.#database.patiently(() => this.#catalog.handOver(from, to)));
  }

  async signedUrl(name: string, expiresInSeconds: number) {
    checkBlobName(name, MAX_PATH_LENGTH);
    return { url: this.#signed.url(name, "read", expiresInSeconds), headers: {} };
  }

  async signedBlockUrls(name: string, blockIds: readonly string[], expiresInSeconds: number) {
    checkBlobName(name, MAX_PATH_LENGTH);
    for (const blockId of blockIds) checkBlockId(blockId);
    return { urls: blockIds.map((block) => this.#signed.url(name, { block }, expiresInSeconds)), headers: {} };
  }

  /** Drops blocks that were staged more than a week ago and never committed, and unlinks what nothing refers to. */
  async sweep(): Promise<void> {
    this.#release(this.#catalog.dropAbandonedBlocks());
    await this.#garbage.collect();
  }

  /** A reading that ends later leaves its files to the next start. */
  async close(): Promise<void> {
    await this.#garbage.close();
  }

  /**
   * Writes a file, and gives it to `adopt`, which makes it a blob's or a block's; should either fail, the file goes.
   * @param mustLast whether it must be on the disk before that; asked when it is written, since others may have written the same name meanwhile
   */
  async #withFile<B extends BlobProperties | undefined>(
    body: ByteStream | Uint8Array,
    adopt: (file: WrittenFile) => { blob: B; displaced: readonly Displaced[] },
    mustLast: () => boolean = () => false,
  ): Promise<B> {
    const file = await this.#database.patiently(() => this.#catalog.allocate());
    try {
      const written = { file, size: await this.#folder.write(file, body) };
      if (mustLast()) await this.#folder.sync([file]);
      return this.#finish(await this.#database.patiently(() => adopt(written)));
    } catch (error) {
      await this.#garbage.drop(file);
      throw asStoreError(error);
    }
  }

  #finish<B>({ blob, displaced }: { blob: B; displaced: readonly Displaced[] }): B {
    this.#release(displaced);
    return blob;
  }

  #release(displaced: readonly Displaced[]): void {
    const unread = displaced.filter(
      ({ content, files }) => content === undefined || !this.#readers.keep(content, files),
    );
    this.#garbage.add(unread.flatMap(({ files }) => files));
  }
}
