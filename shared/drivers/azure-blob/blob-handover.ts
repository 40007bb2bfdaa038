import { setTimeout as sleep } from "node:timers/promises";
import type { BlobGetPropertiesResponse } from "@azure/storage-blob";
import { InvalidArgument, PreconditionFailed, StoreUnavailable } from "../../stores/errors.ts";
import { type Retries, WRITE } from "../common/retries.ts";
import { refusalCode } from "../common/storage-errors.ts";
import { readHead } from "./blob-head.ts";
import type { BlobWriter } from "./blob-writer.ts";
import type { Containers } from "./containers.ts";

const SOURCE_CHANGED = new Set(["SourceConditionNotMet", "ConditionNotMet"]);
const POLL_MS = 500;
/** Within one account a copy is done at once as a rule. The platform gives a request 230 seconds. */
const PATIENCE_MS = 150_000;

/** Gives the content of one blob to another: the service copies it by itself, whatever its size, and then the first is made empty. */
export class BlobHandover {
  readonly #containers: Containers;
  readonly #retry: Retries;
  readonly #writer: BlobWriter;

  constructor(containers: Containers, retry: Retries, writer: BlobWriter) {
    this.#containers = containers;
    this.#retry = retry;
    this.#writer = writer;
  }

  async handOver(from: string, to: string): Promise<void> {
    const given = await readHead(this.#containers, this.#retry, from);
    if (given === undefined) throw new InvalidArgument(`from: ${from} does not exist.`);
    if (given.contentLength === 0 || from === to) return;
    const source = this.#containers.blob(from).url;
    const before = await this.#copyOf(source, to);
    const isDone = before?.copyStatus === "success" && isLater(before.copyCompletedOn, given.lastModified);
    const isBegun = isDone || before?.copyStatus === "pending" || (await this.#begin(source, to, given.etag));
    if (!isBegun) return this.handOver(from, to);
    if (!isDone) await this.#finish(source, to);
    await this.#empty(from, given);
  }

  /** False when the source has another content by now: somebody else has handed it over. */
  async #begin(source: string, to: string, etag: string | undefined): Promise<boolean> {
    const options = { sourceConditions: { ifMatch: etag }, intervalInMs: POLL_MS };
    try {
      await this.#retry(WRITE, `write ${to}`, ({ signal }) =>
        this.#containers.forWrite(to, () =>
          this.#containers.blob(to).beginCopyFromURL(source, { ...options, abortSignal: signal }),
        ),
      );
      return true;
    } catch (error) {
      const code = refusalCode(error) ?? "";
      if (SOURCE_CHANGED.has(code)) return false;
      // A copy to this name is under way, begun by this call's first attempt or by somebody else.
      if (code === "PendingCopyOperation") return true;
      throw error;
    }
  }

  async #empty(from: string, { etag, contentType }: BlobGetPropertiesResponse): Promise<void> {
    await this.#writer.put(from, new Uint8Array(), { contentType, ifMatch: etag }).catch((error) => {
      if (!(error instanceof PreconditionFailed)) throw error;
    });
  }

  /** Waits until the copy is whole. A name that meanwhile holds something else has had it. */
  async #finish(source: string, to: string): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const status = (await this.#copyOf(source, to))?.copyStatus ?? "success";
      if (status === "success") return;
      if (status !== "pending" || performance.now() > endMs) {
        throw new StoreUnavailable(`The store has not copied the content to ${to} yet: ${status}.`, 10);
      }
      await sleep(POLL_MS);
    }
  }

  /** What is at `to`, if it was copied from this source. */
  async #copyOf(source: string, to: string): Promise<BlobGetPropertiesResponse | undefined> {
    const head = await readHead(this.#containers, this.#retry, to);
    return head?.copySource === source ? head : undefined;
  }
}

/** Times of the service have whole seconds: two of one second are not told apart. */
function isLater(time: Date | undefined, than: Date | undefined): boolean {
  return time !== undefined && than !== undefined && time > than;
}
