import type {
  BlobAccess,
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
import { checkBlobName, checkBlockId, checkPiece, checkPrefix, checkRange } from "../common/blob-names.ts";
import { type BlobCatalog, type Displaced, propertiesOf, type WrittenFile } from "./blob-catalog.ts";
import { listPage } from "./blob-listing.ts";
import type { ContentFolder } from "./content-folder.ts";
import { Readers } from "./readers.ts";
import type { SignedBlobs } from "./signed-blobs.ts";

const DEFAULT_PAGE_SIZE = 1_000;
const MAX_PATH_LENGTH = 4_096;
const BLOCKS_PER_SWEEP = 256;

/**
 * Blobs as files of generated names; the database knows which file is whose. A file is on the garbage list before it is written and
 * again before it is unlinked, so a process that dies in between leaves nothing that the next one does not find.
 */
export class FileBlobStore implements BlobStore {
  readonly #catalog: BlobCatalog;
  readonly #folder: ContentFolder;
  readonly #signed: SignedBlobs;
  readonly #readers = new Readers((files) => void this.#collect(files));
  readonly #collecting = new Set<Promise<void>>();
  #staged = 0;
  #closed = false;

  constructor(catalog: BlobCatalog, folder: ContentFolder, signed: SignedBlobs) {
    this.#catalog = catalog;
    this.#folder = folder;
    this.#signed = signed;
    this.#collectAtStart();
  }

  maxPathLength(): number {
    return MAX_PATH_LENGTH;
  }

  async put(name: string, body: ByteStream | Uint8Array, options: WriteOptions = {}): Promise<BlobProperties> {
    checkBlobName(name, MAX_PATH_LENGTH);
    this.#catalog.checkConditions(name, options);
    return this.#withFile(body, (file) => this.#catalog.put(name, file, options));
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
    return blob && propertiesOf(blob);
  }

  async remove(name: string): Promise<boolean> {
    checkBlobName(name, MAX_PATH_LENGTH);
    const displaced = this.#catalog.remove(name);
    if (displaced === undefined) return false;
    await this.#release([displaced]);
    return true;
  }

  async *list(
    prefix: string,
    { delimiter, pageSize = DEFAULT_PAGE_SIZE }: { delimiter?: "/"; pageSize?: number } = {},
  ): AsyncIterable<BlobPage> {
    checkPrefix(prefix);
    let next: string | undefined = prefix;
    while (next !== undefined) {
      const listed = listPage(this.#catalog, prefix, next, delimiter !== undefined, Math.max(1, pageSize));
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
    if (this.#staged % BLOCKS_PER_SWEEP === 0) await this.sweep();
  }

  async commitBlocks(name: string, blockIds: readonly string[], options: WriteOptions = {}): Promise<BlobProperties> {
    checkBlobName(name, MAX_PATH_LENGTH);
    if (blockIds.length > MAX_BLOCKS)
      throw new TooLarge(`blockIds: ${blockIds.length} given, a blob takes ${MAX_BLOCKS}.`);
    for (const blockId of blockIds) checkBlockId(blockId);
    return this.#finish(this.#catalog.commit(name, blockIds, options));
  }

  async append(name: string, bytes: Uint8Array, at: number): Promise<void> {
    checkBlobName(name, MAX_PATH_LENGTH);
    checkPiece(bytes, at);
    const grown = this.#catalog.append(name, at, bytes.length, (file) => this.#folder.extend(file, at, bytes));
    if (!grown) await this.#withFile(bytes, (file) => this.#catalog.beginAppended(name, file));
  }

  async signedUrl(name: string, access: BlobAccess, expiresInSeconds: number) {
    checkBlobName(name, MAX_PATH_LENGTH);
    return { url: this.#signed.url(name, access, expiresInSeconds), headers: {} };
  }

  /** Drops blocks that were staged more than a week ago and never committed. */
  async sweep(): Promise<void> {
    await this.#release(this.#catalog.dropAbandonedBlocks());
  }

  /** Waits until no file is being unlinked any more. A reading that ends later leaves its files to the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#collecting);
  }

  /** Writes a file, and gives it to `adopt`, which makes it a blob's or a block's; should either fail, the file goes. */
  async #withFile<B extends BlobProperties | undefined>(
    body: ByteStream | Uint8Array,
    adopt: (file: WrittenFile) => { blob: B; displaced: readonly Displaced[] },
  ): Promise<B> {
    const file = this.#catalog.allocate();
    let adopted: { blob: B; displaced: readonly Displaced[] };
    try {
      adopted = adopt({ file, size: await this.#folder.write(file, body) });
    } catch (error) {
      await this.#collect([file]);
      throw error;
    }
    return this.#finish(adopted);
  }

  async #finish<B>({ blob, displaced }: { blob: B; displaced: readonly Displaced[] }): Promise<B> {
    await this.#release(displaced);
    return blob;
  }

  async #release(displaced: readonly Displaced[]): Promise<void> {
    const unread = displaced.filter(
      ({ content, files }) => content === undefined || !this.#readers.keep(content, files),
    );
    await this.#collect(unread.flatMap(({ files }) => files));
  }

  /** Unlinks files of the garbage list. What cannot be unlinked now stays on it until the next start. */
  async #collect(files: readonly number[]): Promise<void> {
    if (files.length === 0 || this.#closed) return;
    const collecting = this.#unlink(files);
    this.#collecting.add(collecting);
    await collecting.finally(() => this.#collecting.delete(collecting));
  }

  async #unlink(files: readonly number[]): Promise<void> {
    const unlinked: number[] = [];
    for (const file of files) {
      await this.#folder.unlink(file).then(
        () => unlinked.push(file),
        () => undefined,
      );
    }
    this.#catalog.forget(unlinked);
  }

  #collectAtStart(): void {
    this.#catalog.dropAbandonedBlocks();
    const garbage = this.#catalog.garbage();
    if (garbage.length === 0) return;
    for (const file of garbage) this.#folder.unlinkSync(file);
    this.#catalog.forget(garbage);
  }
}
