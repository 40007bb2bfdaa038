import type { Readable } from "node:stream";
import type { BlobDownloadResponseParsed, BlockBlobClient } from "@azure/storage-blob";
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
import type { Clock, Ids } from "../../stores/clock.ts";
import { PreconditionFailed, TooLarge } from "../../stores/errors.ts";
import { checkBlobName, checkBlockId, checkPiece, checkRange } from "../common/blob-names.ts";
import { READ, type Retries, WRITE } from "../common/retries.ts";
import { refusalCode } from "../common/storage-errors.ts";
import { BlobAppender } from "./blob-appender.ts";
import { blobBody } from "./blob-body.ts";
import { BlobHandover } from "./blob-handover.ts";
import { isAbsence, readHead, undefinedIfAbsent } from "./blob-head.ts";
import { listPages } from "./blob-listing.ts";
import { propertiesOf } from "./blob-properties.ts";
import type { SignBlob } from "./blob-signer.ts";
import { BlobWriter } from "./blob-writer.ts";
import type { Containers } from "./containers.ts";

/** Answers to reading on in a state of a blob that is no more. */
const REPLACED = new Set(["ConditionNotMet", "InvalidRange"]);

const MAX_PATH_LENGTH = 1_024;

/** Blobs in Azure Blob Storage. */
export class AzureBlobStore implements BlobStore {
  readonly #containers: Containers;
  readonly #writer: BlobWriter;
  readonly #appender: BlobAppender;
  readonly #handover: BlobHandover;
  readonly #retry: Retries;
  readonly #sign: SignBlob;

  constructor(containers: Containers, retry: Retries, sign: SignBlob, clock: Clock, ids: Ids) {
    this.#containers = containers;
    this.#writer = new BlobWriter(containers, retry, clock, ids);
    this.#appender = new BlobAppender(containers, retry);
    this.#handover = new BlobHandover(containers, retry, this.#writer);
    this.#retry = retry;
    this.#sign = sign;
  }

  maxPathLength(): number {
    return MAX_PATH_LENGTH;
  }

  async put(name: string, body: ByteStream | Uint8Array, options: WriteOptions = {}): Promise<BlobProperties> {
    checkBlobName(name, MAX_PATH_LENGTH);
    return this.#writer.put(name, body, options);
  }

  async get(name: string, range: ByteRange = { first: 0 }): Promise<BlobDownload | undefined> {
    checkBlobName(name, MAX_PATH_LENGTH);
    checkRange(range);
    const client = this.#containers.blob(name);
    try {
      return await this.#begin(client, name, range);
    } catch (error) {
      if (refusalCode(error) === "InvalidRange") return this.#behindTheEnd(name, range);
      return undefinedIfAbsent(error);
    }
  }

  async head(name: string): Promise<BlobProperties | undefined> {
    checkBlobName(name, MAX_PATH_LENGTH);
    const head = await readHead(this.#containers, this.#retry, name);
    return head && propertiesOf(name, head.contentLength, head);
  }

  /** An answer that got lost counts as a removal when the blob is gone at the next attempt. */
  async remove(name: string): Promise<boolean> {
    checkBlobName(name, MAX_PATH_LENGTH);
    const client = this.#containers.blob(name);
    return this.#retry(WRITE, `remove ${name}`, async ({ signal, isRepeat }) => {
      try {
        await client.delete({ abortSignal: signal, deleteSnapshots: "include" });
        return true;
      } catch (error) {
        undefinedIfAbsent(error);
        return isRepeat;
      }
    });
  }

  list(prefix: string, options: { delimiter?: "/"; pageSize?: number } = {}): AsyncIterable<BlobPage> {
    return listPages(this.#containers, this.#retry, prefix, options);
  }

  async stageBlock(name: string, blockId: string, body: ByteStream | Uint8Array): Promise<void> {
    checkBlobName(name, MAX_PATH_LENGTH);
    checkBlockId(blockId);
    await this.#writer.stageBlock(name, blockId, body);
  }

  async commitBlocks(name: string, ids: readonly string[], options: WriteOptions = {}): Promise<BlobProperties> {
    checkBlobName(name, MAX_PATH_LENGTH);
    if (ids.length > MAX_BLOCKS) throw new TooLarge(`blockIds: ${ids.length} given, a blob takes ${MAX_BLOCKS}.`);
    for (const id of ids) checkBlockId(id);
    return this.#writer.commitBlocks(name, [...ids], options);
  }

  async append(name: string, bytes: Uint8Array, at: number): Promise<void> {
    checkBlobName(name, MAX_PATH_LENGTH);
    checkPiece(bytes, at);
    await this.#appender.append(name, bytes, at);
  }

  async handOver(from: string, to: string): Promise<void> {
    for (const name of [from, to]) checkBlobName(name, MAX_PATH_LENGTH);
    await this.#handover.handOver(from, to);
  }

  async signedUrl(name: string, expiresInSeconds: number) {
    checkBlobName(name, MAX_PATH_LENGTH);
    const query = await this.#sign(name, "read", expiresInSeconds);
    return { url: `${this.#containers.blob(name).url}?${query}`, headers: {} };
  }

  async signedBlockUrls(name: string, blockIds: readonly string[], expiresInSeconds: number) {
    checkBlobName(name, MAX_PATH_LENGTH);
    for (const blockId of blockIds) checkBlockId(blockId);
    const query = await this.#sign(name, "block", expiresInSeconds);
    await this.#retry(WRITE, `write ${name}`, () => this.#containers.prepare(name));
    const block = (id: string) => encodeURIComponent(Buffer.from(id).toString("base64"));
    const { url } = this.#containers.blob(name);
    return { urls: blockIds.map((id) => `${url}?${query}&comp=block&blockid=${block(id)}`), headers: {} };
  }

  async #begin(client: BlockBlobClient, name: string, { first, last }: ByteRange): Promise<BlobDownload> {
    const open = (offset: number, etag?: string) =>
      this.#retry(READ, `read ${name}`, ({ signal }) =>
        client.download(offset, last === undefined ? undefined : last - offset + 1, {
          abortSignal: signal,
          conditions: { ifMatch: etag },
          maxRetryRequests: 0,
        }),
      );
    const opened = await open(first);
    const properties = propertiesOf(name, totalSize(opened), opened);
    const reopen = (offset: number) =>
      open(first + offset, properties.etag).then(streamOf, (error) => {
        throw isAbsence(error) || REPLACED.has(refusalCode(error) ?? "") ? replacedMeanwhile(name, error) : error;
      });
    return { properties, body: blobBody(streamOf(opened), opened.contentLength ?? 0, reopen) };
  }

  /** What a range has that begins behind the end: no bytes, but the properties. */
  async #behindTheEnd(name: string, range: ByteRange): Promise<BlobDownload | undefined> {
    const properties = await this.head(name);
    if (properties === undefined) return undefined;
    return properties.size > range.first ? this.get(name, range) : { properties, body: noBytes() };
  }
}

/** Of the whole blob, also when the answer holds a range of it. */
function totalSize({ contentRange, contentLength }: BlobDownloadResponseParsed): number | undefined {
  return contentRange === undefined ? contentLength : Number(contentRange.slice(contentRange.lastIndexOf("/") + 1));
}

function streamOf({ readableStreamBody }: BlobDownloadResponseParsed): Readable {
  return readableStreamBody as Readable;
}

async function* noBytes(): ByteStream {}

function replacedMeanwhile(name: string, cause: unknown): PreconditionFailed {
  return new PreconditionFailed(`${name} was replaced or removed while it was being read.`, { cause });
}
