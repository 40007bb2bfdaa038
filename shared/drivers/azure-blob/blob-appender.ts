import { InvalidArgument, PreconditionFailed, TooLarge } from "../../stores/errors.ts";
import { type Attempt, type Retries, TRANSFER, WRITE } from "../common/retries.ts";
import { refusalCode } from "../common/storage-errors.ts";
import { readHead, undefinedIfAbsent } from "./blob-head.ts";
import { DEFAULT_CONTENT_TYPE } from "./blob-properties.ts";
import type { Containers } from "./containers.ts";
import { SMALL_BYTES, sentBody } from "./sent-body.ts";

const FULL = "BlockCountExceedsLimit";
/** Refusals of a piece that does not fit where it was to go; or not any more, because an earlier attempt put it there. */
const MISPLACED = new Set(["AppendPositionConditionNotMet", "BlobNotFound", FULL]);

/**
 * Appends to blobs. A request whose answer got lost is repeated at the same position: where that is refused because the piece, byte for
 * byte, is there, it is a success.
 */
export class BlobAppender {
  readonly #containers: Containers;
  readonly #retry: Retries;

  constructor(containers: Containers, retry: Retries) {
    this.#containers = containers;
    this.#retry = retry;
  }

  async append(name: string, bytes: Uint8Array, at: number): Promise<void> {
    const kind = bytes.length > SMALL_BYTES ? TRANSFER : WRITE;
    const refusal = await this.#retry(kind, `append to ${name}`, (attempt) => this.#attempt(name, bytes, at, attempt));
    if (refusal !== undefined) throw await this.#explain(name, at, refusal);
  }

  /** Returns the service's refusal, if the piece is not there after it. */
  async #attempt(name: string, bytes: Uint8Array, at: number, attempt: Attempt): Promise<unknown> {
    const { signal, isRepeat } = attempt;
    try {
      await this.#containers.forWrite(name, () => this.#send(name, bytes, at, attempt));
    } catch (error) {
      const code = refusalCode(error) ?? "";
      if (code === "InvalidBlobType") throw new InvalidArgument(`name: ${name} is not a blob that was appended to.`);
      if (!MISPLACED.has(code)) throw error;
      if (!isRepeat || !(await this.#isThere(name, bytes, at, signal))) return error;
    }
  }

  async #send(name: string, bytes: Uint8Array, at: number, { signal, progressed }: Attempt): Promise<void> {
    const client = this.#containers.appendBlob(name);
    const options = { abortSignal: signal, onProgress: progressed, conditions: { appendPosition: at } };
    const send = () => client.appendBlock(sentBody(bytes), bytes.length, options).then(() => undefined);
    await send().catch(async (error) => {
      if (at > 0 || refusalCode(error) !== "BlobNotFound") throw error;
      await this.#create(name, signal);
      await send();
    });
  }

  /** Makes an empty blob, unless somebody else just has. */
  async #create(name: string, abortSignal: AbortSignal): Promise<void> {
    const blobHTTPHeaders = { blobContentType: DEFAULT_CONTENT_TYPE };
    await this.#containers
      .appendBlob(name)
      .create({ abortSignal, conditions: { ifNoneMatch: "*" }, blobHTTPHeaders })
      .catch((error) => {
        if (refusalCode(error) !== "BlobAlreadyExists") throw error;
      });
  }

  async #isThere(name: string, bytes: Uint8Array, at: number, abortSignal: AbortSignal): Promise<boolean> {
    const client = this.#containers.appendBlob(name);
    const head = await client.getProperties({ abortSignal }).catch(undefinedIfAbsent);
    if ((head?.contentLength ?? 0) < at + bytes.length) return false;
    const there = await client.downloadToBuffer(at, bytes.length, { abortSignal, maxRetryRequestsPerBlock: 0 });
    return there.equals(bytes);
  }

  /** The service may say that a blob is full where the position is wrong, too. */
  async #explain(name: string, at: number, refusal: unknown): Promise<PreconditionFailed | TooLarge> {
    const size = (await readHead(this.#containers, this.#retry, name))?.contentLength ?? 0;
    if (refusalCode(refusal) === FULL && size === at) return new TooLarge(`${name} takes no more pieces.`);
    return new PreconditionFailed(`${name} has not ${at} bytes, but ${size}.`);
  }
}
