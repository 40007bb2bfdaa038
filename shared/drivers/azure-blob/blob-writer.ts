import type { Metadata } from "@azure/storage-blob";
import type { BlobProperties, ByteStream, WriteOptions } from "../../stores/blob-store.ts";
import type { Clock, Ids } from "../../stores/clock.ts";
import { AlreadyExists, InvalidArgument, PreconditionFailed, TooLarge } from "../../stores/errors.ts";
import { type CallKind, READ, type Retries, TRANSFER, WRITE } from "../common/retries.ts";
import { refusalCode } from "../common/storage-errors.ts";
import { readHead, undefinedIfAbsent } from "./blob-head.ts";
import { DEFAULT_CONTENT_TYPE, propertiesOf, quoted } from "./blob-properties.ts";
import { BlockReader } from "./block-reader.ts";
import { blockBytes, blockIds, stageRest } from "./block-upload.ts";
import type { Containers } from "./containers.ts";
import { SMALL_BYTES, sentBody } from "./sent-body.ts";

const MAX_STAGED_BLOCK_BYTES = 100 * 1024 * 1024;
/** Metadata of conditional writes: whose write it was. */
const WRITE_ID = "cairnwrite";
/** An ETag that no blob ever has, for what was replaced before anybody saw it. */
const NO_LONGER_CURRENT = '"0x0"';
/** Refusals of conditional writes. A blob that is gone has no ETag that could match. */
const LOST_RACES = new Set(["BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet", "BlobNotFound"]);

/** What every request that makes a blob says. */
interface WriteRequest {
  readonly abortSignal: AbortSignal;
  readonly onProgress: () => void;
  readonly conditions: { ifMatch?: string; ifNoneMatch?: string };
  readonly blobHTTPHeaders: { blobContentType: string };
  readonly metadata?: Metadata;
}

/**
 * Writes blobs. A request whose answer got lost is repeated; a conditional one carries an id of its own, so that the
 * repetition, refused because the first one was carried out, is recognised as a success.
 */
export class BlobWriter {
  readonly #containers: Containers;
  readonly #retry: Retries;
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor(containers: Containers, retry: Retries, clock: Clock, ids: Ids) {
    this.#containers = containers;
    this.#retry = retry;
    this.#clock = clock;
    this.#ids = ids;
  }

  /** What fits in one block is written by one request; more goes in blocks, of which a few are in memory at a time. */
  async put(name: string, body: ByteStream | Uint8Array, options: WriteOptions): Promise<BlobProperties> {
    if (body instanceof Uint8Array && body.length < blockBytes(0)) return this.#putWhole(name, body, options);
    const reader = new BlockReader(body instanceof Uint8Array ? once(body) : body);
    try {
      const first = await reader.next(blockBytes(0));
      if (first.length < blockBytes(0)) return await this.#putWhole(name, first, options);
      return await this.#putInBlocks(name, first, reader, options);
    } finally {
      await reader.close();
    }
  }

  /** The service takes blocks only with their length, so a stream is gathered first: at most 100 MiB, else TooLarge. */
  async stageBlock(name: string, blockId: string, body: ByteStream | Uint8Array): Promise<void> {
    const bytes = body instanceof Uint8Array ? body : await gather(body);
    if (bytes.length > MAX_STAGED_BLOCK_BYTES) throw new TooLarge(`body: more than ${MAX_STAGED_BLOCK_BYTES} bytes.`);
    if (bytes.length === 0) throw new InvalidArgument("body: a block has at least one byte.");
    await this.#stage(name, blockId, bytes).catch((error) => {
      if (refusalCode(error) !== "InvalidBlobOrBlock") throw error;
      throw new InvalidArgument(`blockId: ${blockId} must be as long as the other block ids of ${name}.`);
    });
  }

  /** Takes committed blocks of these ids too, as the service does, so a commit may be repeated. */
  async commitBlocks(name: string, ids: readonly string[], options: WriteOptions): Promise<BlobProperties> {
    const client = this.#containers.blob(name);
    const { etag } = await this.#commit(name, ids, options, 0).catch((error) => {
      if (refusalCode(error) !== "InvalidBlockList") throw error;
      throw new InvalidArgument(`blockIds: not all of them are staged for ${name}.`);
    });
    const head = await this.#retry(READ, `read ${name}`, ({ signal }) =>
      client.getProperties({ abortSignal: signal, conditions: { ifMatch: etag } }),
    ).catch((error) => {
      throw LOST_RACES.has(refusalCode(error) ?? "") ? changedMeanwhile(name) : error;
    });
    return propertiesOf(name, head.contentLength, head);
  }

  #putWhole(name: string, bytes: Uint8Array, options: WriteOptions): Promise<BlobProperties> {
    const client = this.#containers.blob(name);
    const kind = bytes.length > SMALL_BYTES ? TRANSFER : WRITE;
    return this.#write(name, options, kind, async (request) => {
      const answer = await client.upload(sentBody(bytes), bytes.length, request);
      return propertiesOf(name, bytes.length, { ...answer, contentType: options.contentType });
    });
  }

  async #putInBlocks(name: string, first: Buffer, reader: BlockReader, options: WriteOptions): Promise<BlobProperties> {
    const before = (await readHead(this.#containers, this.#retry, name))?.etag;
    checkConditions(name, before, options);
    let size = first.length;
    const idOf = await this.#stageFirst(name, first);
    reader.recycle(first);
    const ids = await stageRest(reader, idOf, (id, block) => {
      size += block.length;
      return this.#stage(name, id, block);
    });
    return this.#commit(name, ids, options, size).catch((error) => {
      if (refusalCode(error) !== "InvalidBlockList") throw error;
      return this.#overtaken(name, size, before, options, error);
    });
  }

  /**
   * Stages the first block. All block ids of a blob must have the same length: if somebody else has staged blocks
   * already, ours get ids as long as theirs.
   * @returns what makes the ids of the blocks that follow
   */
  async #stageFirst(name: string, block: Buffer): Promise<(index: number) => string> {
    const idOf = blockIds(this.#ids);
    try {
      await this.#stage(name, idOf(0), block);
      return idOf;
    } catch (error) {
      if (refusalCode(error) !== "InvalidBlobOrBlock") throw error;
      const fitting = blockIds(this.#ids, await this.#stagedIdLength(name));
      await this.#stage(name, fitting(0), block);
      return fitting;
    }
  }

  /** Undefined when none is staged any more: the other upload has ended meanwhile, and ours may have any. */
  async #stagedIdLength(name: string): Promise<number | undefined> {
    const client = this.#containers.blob(name);
    const list = await this.#retry(READ, `read ${name}`, ({ signal }) =>
      client.getBlockList("uncommitted", { abortSignal: signal }),
    ).catch(undefinedIfAbsent);
    const staged = list?.uncommittedBlocks?.[0]?.name;
    return staged === undefined ? undefined : Buffer.from(staged, "base64").length;
  }

  async #stage(name: string, id: string, bytes: Uint8Array): Promise<void> {
    const client = this.#containers.blob(name);
    await this.#retry(TRANSFER, `write ${name}`, ({ signal, progressed }) =>
      this.#containers.forWrite(name, () =>
        client.stageBlock(base64(id), sentBody(bytes), bytes.length, { abortSignal: signal, onProgress: progressed }),
      ),
    ).catch((error) => {
      throw refusalCode(error) === "InvalidBlobType" ? isAppendedTo(name) : error;
    });
  }

  #commit(name: string, ids: readonly string[], options: WriteOptions, size: number): Promise<BlobProperties> {
    const client = this.#containers.blob(name);
    return this.#write(name, options, TRANSFER, async (request) => {
      const { onProgress: _, ...rest } = request;
      const answer = await client.commitBlockList(ids.map(base64), rest);
      return propertiesOf(name, size, { ...answer, contentType: options.contentType });
    });
  }

  async #write(
    name: string,
    options: WriteOptions,
    kind: CallKind,
    send: (request: WriteRequest) => Promise<BlobProperties>,
  ): Promise<BlobProperties> {
    const writeId = isConditional(options) ? this.#ids.hex(16) : undefined;
    const request = requestOf(options, writeId);
    return this.#retry(kind, `write ${name}`, async ({ signal, isRepeat, progressed }) => {
      const sent = { ...request, abortSignal: signal, onProgress: progressed };
      try {
        return await this.#containers.forWrite(name, () => send(sent));
      } catch (error) {
        if (refusalCode(error) === "InvalidBlobType") throw isAppendedTo(name);
        if (writeId === undefined || !LOST_RACES.has(refusalCode(error) ?? "")) throw error;
        const own = isRepeat ? await this.#ownWrite(name, writeId, signal) : undefined;
        if (own === undefined) throw lostRace(name, options);
        return own;
      }
    });
  }

  /** The blob as it is, if it was made by the write of this id. */
  async #ownWrite(name: string, writeId: string, signal: AbortSignal): Promise<BlobProperties | undefined> {
    const head = await this.#containers.blob(name).getProperties({ abortSignal: signal }).catch(undefinedIfAbsent);
    return head?.metadata?.[WRITE_ID] === writeId ? propertiesOf(name, head.contentLength, head) : undefined;
  }

  /**
   * Another write made the service drop our blocks. Without conditions that is as if ours had come just before it:
   * done, and replaced.
   * @param before the ETag before the first block
   */
  async #overtaken(
    name: string,
    size: number,
    before: string | undefined,
    options: WriteOptions,
    error: unknown,
  ): Promise<BlobProperties> {
    if ((await readHead(this.#containers, this.#retry, name))?.etag === before) throw error;
    if (isConditional(options)) throw lostRace(name, options);
    const lastModified = new Date(this.#clock.now());
    return propertiesOf(name, size, { etag: NO_LONGER_CURRENT, lastModified, contentType: options.contentType });
  }
}

function requestOf(
  options: WriteOptions,
  writeId: string | undefined,
): Omit<WriteRequest, "abortSignal" | "onProgress"> {
  return {
    conditions: { ifMatch: options.ifMatch && quoted(options.ifMatch), ifNoneMatch: options.ifNoneMatch },
    blobHTTPHeaders: { blobContentType: options.contentType ?? DEFAULT_CONTENT_TYPE },
    metadata: writeId === undefined ? undefined : { [WRITE_ID]: writeId },
  };
}

function isConditional({ ifMatch, ifNoneMatch }: WriteOptions): boolean {
  return ifMatch !== undefined || ifNoneMatch !== undefined;
}

/** What the service would refuse at the end, before anything is sent. */
function checkConditions(name: string, current: string | undefined, options: WriteOptions): void {
  const exists = options.ifNoneMatch !== undefined && current !== undefined;
  const differs = options.ifMatch !== undefined && quoted(options.ifMatch) !== current;
  if (exists || differs) throw lostRace(name, options);
}

function lostRace(name: string, { ifNoneMatch }: WriteOptions): AlreadyExists | PreconditionFailed {
  return ifNoneMatch === undefined ? changedMeanwhile(name) : new AlreadyExists(`${name} exists already.`);
}

function changedMeanwhile(name: string): PreconditionFailed {
  return new PreconditionFailed(`${name} has been changed or removed by somebody else.`);
}

function isAppendedTo(name: string): InvalidArgument {
  return new InvalidArgument(`name: ${name} is appended to, so it is not written; remove it first.`);
}

async function gather(body: ByteStream): Promise<Uint8Array> {
  const reader = new BlockReader(body);
  try {
    return await reader.next(MAX_STAGED_BLOCK_BYTES + 1);
  } finally {
    await reader.close();
  }
}

async function* once(bytes: Uint8Array): ByteStream {
  yield bytes;
}

function base64(id: string): string {
  return Buffer.from(id).toString("base64");
}
