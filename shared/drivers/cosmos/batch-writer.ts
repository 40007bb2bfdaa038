import type { Container, OperationInput, OperationResponse } from "@azure/cosmos";
import { inParallel } from "../../parallel.ts";
import type { Clock } from "../../stores/clock.ts";
import type { BatchOperation, ETag } from "../../stores/document-store.ts";
import { PreconditionFailed, StoreError } from "../../stores/errors.ts";
import { checkBatchBytes, checkBatchCount, checkBatchIds, checkId } from "../common/item-rules.ts";
import type { Queries } from "./queries.ts";
import type { Attempt, Retrying } from "./retrying.ts";
import { OperationFailed, withoutWrapping, writeError } from "./service-errors.ts";
import {
  type FoundDocument,
  isExpired,
  type StoredDocument,
  SUPERSEDED,
  toDocument,
  toETag,
  toServiceETag,
} from "./stored-document.ts";

export type PreparedOperation =
  | { readonly kind: "create"; readonly id: string; readonly bytes: number; readonly document: StoredDocument }
  | {
      readonly kind: "replace";
      readonly id: string;
      readonly bytes: number;
      readonly document: StoredDocument;
      readonly condition: string;
    }
  | { readonly kind: "remove"; readonly id: string; readonly bytes: 0; readonly condition: string | undefined };

/** What the service says of an operation that is not the one to blame. */
const NOT_TO_BLAME = 424;
const NOTHING_THERE = 404;

type Find = (partition: string, id: string, attempt: Attempt) => Promise<FoundDocument | undefined>;

/** @throws InvalidArgument, TooLarge, and PreconditionFailed for an ETag that no document can have */
export function prepareBatch(
  partition: string,
  operations: readonly BatchOperation[],
  writeId: string,
  nowMs: number,
): PreparedOperation[] {
  checkBatchCount(operations.length);
  const prepared = operations.map((operation, i) =>
    prepareOperation(partition, operation, `${writeId}-${twoDigits(i)}`, nowMs),
  );
  checkBatchBytes(prepared.reduce((sum, { bytes }) => sum + bytes, 0));
  checkBatchIds(prepared.map(({ id }) => id));
  return prepared;
}

function twoDigits(index: number): string {
  return String(index).padStart(2, "0");
}

function prepareOperation(
  partition: string,
  operation: BatchOperation,
  writeId: string,
  nowMs: number,
): PreparedOperation {
  const condition = (id: string, etag: ETag) => {
    const serviceETag = toServiceETag(etag, nowMs);
    if (serviceETag === undefined) throw new PreconditionFailed(`The item ${id} has changed or is gone.`);
    return serviceETag;
  };
  if (operation.kind === "remove") {
    const { id, etag } = operation;
    checkId(id);
    return { kind: "remove", id, bytes: 0, condition: etag === undefined ? undefined : condition(id, etag) };
  }
  const { document, bytes } = toDocument(partition, operation.item, writeId, nowMs);
  const { id } = document;
  return operation.kind === "create"
    ? { kind: "create", id, bytes, document }
    : { kind: "replace", id, bytes, document, condition: condition(id, operation.etag) };
}

/** Transactional batches: of one partition, all or nothing. */
export class BatchWriter {
  readonly #container: Container;
  readonly #retrying: Retrying;
  readonly #queries: Queries;
  readonly #clock: Clock;
  readonly #find: Find;

  constructor(container: Container, retrying: Retrying, queries: Queries, clock: Clock, find: Find) {
    this.#container = container;
    this.#retrying = retrying;
    this.#queries = queries;
    this.#clock = clock;
    this.#find = find;
  }

  /** @throws AlreadyExists, PreconditionFailed, TooLarge */
  async write(partition: string, operations: readonly PreparedOperation[]): Promise<(ETag | undefined)[]> {
    await this.#refuseExpired(partition, operations);
    return this.#retrying.run("batch", async (attempt) => {
      try {
        const results = await this.#send(partition, operations.map(toInput), attempt);
        checkResults(operations, results);
        return operations.map((it, i) => (it.kind === "remove" ? undefined : toETag(it.document, results[i]!.eTag!)));
      } catch (error) {
        if (!attempt.uncertain || !(error instanceof StoreError)) throw error;
        const done = await this.#resultsOfOwnWork(partition, operations, attempt);
        if (done === undefined) throw error;
        return done;
      }
    });
  }

  /** Removes whatever state the item is in; false when there was none, or one that had expired. */
  async removeAny(partition: string, id: string): Promise<boolean> {
    return this.#retrying.run("remove", async (attempt) => {
      const inputs: OperationInput[] = [
        { operationType: "Read", id },
        { operationType: "Delete", id },
      ];
      const [read, removed] = await this.#send(partition, inputs, attempt, true);
      if (read?.statusCode === NOTHING_THERE) return attempt.uncertain;
      checkResults([{ id }, { id }], [read!, removed!]);
      return !isExpired(read!.resourceBody as unknown as FoundDocument, this.#clock.now());
    });
  }

  /** What has expired cannot be removed any more, but only what an ETag is given for says so itself. */
  async #refuseExpired(partition: string, operations: readonly PreparedOperation[]): Promise<void> {
    const ids = operations.flatMap((it) => (it.kind === "remove" && it.condition === undefined ? [it.id] : []));
    if (ids.length === 0) return;
    const expiring = await this.#retrying.run("query", (attempt) =>
      this.#queries.expiring(partition, ids, [], attempt),
    );
    const expired = expiring.find((it) => isExpired(it, this.#clock.now()));
    if (expired !== undefined) throw new PreconditionFailed(`The item ${expired.id} is not there.`);
  }

  async #send(partition: string, inputs: OperationInput[], { abortSignal }: Attempt, withContent = false) {
    const options = { abortSignal, contentResponseOnWriteEnabled: withContent };
    try {
      const { result = [] } = await this.#container.items.batch(inputs, partition, options);
      return result;
    } catch (error) {
      throw writeError(withoutWrapping(error), inputs.map((it) => ("id" in it ? it.id : "")).join(" "));
    }
  }

  /**
   * What the batch returns if an earlier attempt was carried out, else undefined. It was when anything it wrote is there, and, of a batch
   * that only removes, when nothing is.
   */
  async #resultsOfOwnWork(partition: string, operations: readonly PreparedOperation[], attempt: Attempt) {
    const found = await inParallel(operations, ({ id }) => this.#find(partition, id, attempt));
    const isOwn = operations.map((it, i) => it.kind !== "remove" && found[i]?.writeId === it.document.writeId);
    const onlyRemoves = operations.every(({ kind }) => kind === "remove");
    const isDone = onlyRemoves ? found.every((it) => it === undefined) : isOwn.includes(true);
    if (!isDone) return undefined;
    return operations.map((it, i) => {
      if (it.kind === "remove") return undefined;
      // Somebody has written after us: our ETag is lost, and would not be current anyway.
      return isOwn[i] ? toETag(it.document, found[i]!._etag) : SUPERSEDED;
    });
  }
}

function toInput(operation: PreparedOperation): OperationInput {
  const { id } = operation;
  switch (operation.kind) {
    case "create":
      return { operationType: "Create", resourceBody: { ...operation.document } as never };
    case "replace":
      return {
        operationType: "Replace",
        id,
        resourceBody: { ...operation.document } as never,
        ifMatch: operation.condition,
      };
    case "remove":
      // The SDK passes the condition on, though its types do not have it.
      return { operationType: "Delete", id, ifMatch: operation.condition } as OperationInput;
  }
}

/** @throws what the operation to blame would have raised alone, if there is one */
function checkResults(operations: readonly { readonly id: string }[], results: readonly OperationResponse[]): void {
  const failed = results.findIndex(({ statusCode }) => statusCode >= 400 && statusCode !== NOT_TO_BLAME);
  if (failed < 0) return;
  throw writeError(new OperationFailed(results[failed]!.statusCode), operations[failed]!.id);
}
