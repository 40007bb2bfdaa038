import type { Container, ItemResponse, RequestOptions } from "@azure/cosmos";
import type { Clock, Ids } from "../../stores/clock.ts";
import type {
  BatchOperation,
  Changes,
  DocumentStore,
  ETag,
  IdRange,
  Item,
  Stored,
} from "../../stores/document-store.ts";
import { AlreadyExists, PreconditionFailed } from "../../stores/errors.ts";
import { checkEnsurable, isId } from "../common/item-rules.ts";
import { BatchWriter, prepareBatch } from "./batch-writer.ts";
import { ChangesReader } from "./changes.ts";
import { Queries } from "./queries.ts";
import type { Attempt, Retrying } from "./retrying.ts";
import { isAbsent, statusOf, writeError } from "./service-errors.ts";
import {
  type FoundDocument,
  isExpired,
  type StoredDocument,
  toDocument,
  toETag,
  toServiceETag,
  toStored,
} from "./stored-document.ts";
import type { Wire } from "./wire.ts";
import { WriteIds } from "./write-ids.ts";

const DEFAULT_PAGE_SIZE = 1_000;
/** What is written need not come back with the answer. */
const MINIMAL_ANSWER = { Prefer: "return=minimal" };

interface StoreParts {
  readonly container: Container;
  readonly wire: Wire;
  readonly retrying: Retrying;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Documents in a container of Cosmos DB. Arguments are copied before the first await. */
export class CosmosDocumentStore implements DocumentStore {
  readonly #container: Container;
  readonly #retrying: Retrying;
  readonly #clock: Clock;
  readonly #writeIds: WriteIds;
  readonly #queries: Queries;
  readonly #changes: ChangesReader;
  readonly #batches: BatchWriter;

  constructor({ container, wire, retrying, clock, ids }: StoreParts) {
    this.#container = container;
    this.#retrying = retrying;
    this.#clock = clock;
    this.#writeIds = new WriteIds(clock, ids);
    this.#queries = new Queries(container, retrying, wire);
    this.#changes = new ChangesReader(this.#queries, wire, clock);
    this.#batches = new BatchWriter(container, retrying, this.#queries, clock, (partition, id, attempt) =>
      this.#find(partition, id, attempt),
    );
  }

  async get<T extends Item>(partition: string, id: string, known?: Stored<T>): Promise<Stored<T> | undefined> {
    if (!isId(id)) return undefined;
    const isSame = known !== undefined && known.partition === partition && known.item.id === id;
    const condition = isSame ? toServiceETag(known.etag, this.#clock.now()) : undefined;
    const found = await this.#retrying.run("get", (attempt) => this.#read(partition, id, attempt, condition));
    if (found === "unchanged") return known;
    return found && !isExpired(found, this.#clock.now()) ? toStored<T>(found) : undefined;
  }

  async create(partition: string, item: Item): Promise<ETag> {
    const document = this.#prepare(partition, item);
    return this.#makingRoom([document], () =>
      this.#retrying.run("create", (attempt) =>
        this.#knowingOwnWork(document, attempt, (options) => this.#container.items.create(document, options)),
      ),
    );
  }

  async ensure(partition: string, item: Item): Promise<void> {
    checkEnsurable(item);
    try {
      await this.create(partition, item);
    } catch (error) {
      if (!(error instanceof AlreadyExists)) throw error;
    }
  }

  async replace(partition: string, item: Item, etag: ETag): Promise<ETag> {
    const document = this.#prepare(partition, item);
    const condition = this.#condition(document.id, etag);
    const target = this.#container.item(document.id, partition);
    return this.#makingRoom([document], () =>
      this.#retrying.run("replace", (attempt) =>
        this.#knowingOwnWork(document, attempt, (options) =>
          target.replace(document, { ...options, accessCondition: { type: "IfMatch", condition } }),
        ),
      ),
    );
  }

  async remove(partition: string, id: string, etag?: ETag): Promise<boolean> {
    if (etag === undefined) return isId(id) && this.#batches.removeAny(partition, id);
    const condition = this.#condition(id, etag);
    await this.#retrying.run("remove", (attempt) => this.#removeCurrent(partition, id, condition, attempt));
    return true;
  }

  async batch(partition: string, operations: readonly BatchOperation[]): Promise<(ETag | undefined)[]> {
    const prepared = prepareBatch(partition, operations, this.#writeIds.next(), this.#clock.now());
    const written = prepared.flatMap((it) => (it.kind === "remove" ? [] : [it.document]));
    return this.#makingRoom(written, () => this.#batches.write(partition, prepared));
  }

  list<T extends Item>(partition: string, range: IdRange = {}, pageSize = DEFAULT_PAGE_SIZE) {
    return this.#pages<T>(partition, range.from, range.to, Math.max(1, pageSize));
  }

  async changes<T extends Item>(scope: string, mark?: string, limit = DEFAULT_PAGE_SIZE): Promise<Changes<T>> {
    return this.#changes.read<T>(scope, mark, limit);
  }

  async *#pages<T extends Item>(partition: string, from: string | undefined, to: string | undefined, size: number) {
    let after: string | undefined;
    for (let more = true; more; ) {
      const page = await this.#queries.list(partition, { from, after }, to, size);
      const now = this.#clock.now();
      const alive = page.documents.filter((document) => !isExpired(document, now));
      if (alive.length > 0) yield alive.map((document) => toStored<T>(document));
      after = page.documents.at(-1)?.id;
      more = page.more;
    }
  }

  #prepare(partition: string, item: Item): StoredDocument {
    return toDocument(partition, item, this.#writeIds.next(), this.#clock.now()).document;
  }

  /** @throws PreconditionFailed when no document can have the ETag */
  #condition(id: string, etag: ETag): string {
    const condition = isId(id) ? toServiceETag(etag, this.#clock.now()) : undefined;
    if (condition === undefined) throw new PreconditionFailed(`The item ${id} has changed or is gone.`);
    return condition;
  }

  /** The document, expired or not. */
  async #find(partition: string, id: string, attempt: Attempt): Promise<FoundDocument | undefined> {
    return (await this.#read(partition, id, attempt)) as FoundDocument | undefined;
  }

  async #read(partition: string, id: string, { abortSignal }: Attempt, condition?: string) {
    const accessCondition = condition === undefined ? undefined : { type: "IfNoneMatch", condition };
    const response = await this.#container.item(id, partition).read<FoundDocument>({ accessCondition, abortSignal });
    if (response.statusCode === 304) return "unchanged";
    if (response.resource !== undefined && response.statusCode === 200) return response.resource;
    if (isAbsent(response)) return undefined;
    throw absentContainer(response);
  }

  /**
   * One attempt to write. When an earlier one may have been carried out, a refusal may be the work of that one: the document then is what
   * this call wrote.
   */
  async #knowingOwnWork(
    document: StoredDocument,
    attempt: Attempt,
    write: (options: RequestOptions) => Promise<{ readonly etag: string }>,
  ): Promise<ETag> {
    try {
      const response = await write({ initialHeaders: MINIMAL_ANSWER, abortSignal: attempt.abortSignal });
      return toETag(document, response.etag);
    } catch (error) {
      const refused = writeError(error, document.id);
      if (refused === error || !attempt.uncertain) throw refused;
      const found = await this.#find(document.partition, document.id, attempt);
      if (found?.writeId !== document.writeId) throw refused;
      return toETag(found, found._etag);
    }
  }

  async #removeCurrent(partition: string, id: string, condition: string, { abortSignal, uncertain }: Attempt) {
    try {
      const accessCondition = { type: "IfMatch", condition };
      await this.#container.item(id, partition).delete({ accessCondition, abortSignal });
    } catch (error) {
      // Gone after an attempt that may have been carried out: then it was.
      if (uncertain && statusOf(error) === 404) return;
      throw writeError(error, id);
    }
  }

  /** Writes again when what is in the way has expired: it does not exist any more, but the service may not have removed it yet. */
  async #makingRoom<T>(documents: readonly StoredDocument[], write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof AlreadyExists) || !(await this.#removeExpired(documents))) throw error;
      return write();
    }
  }

  /** Removes what has expired and holds the id or unique value of one of the documents; false when there is none. */
  async #removeExpired(documents: readonly StoredDocument[]): Promise<boolean> {
    const { partition } = documents[0]!;
    const holders = await this.#retrying.run("query", (attempt) =>
      this.#queries.expiring(
        partition,
        documents.map((it) => it.id),
        documents.map((it) => it.unique),
        attempt,
      ),
    );
    const now = this.#clock.now();
    const expired = holders.filter((it) => isExpired(it, now));
    for (const { id, _etag } of expired) await this.#removeIfCurrent(partition, id, _etag);
    return expired.length > 0;
  }

  async #removeIfCurrent(partition: string, id: string, condition: string): Promise<void> {
    try {
      await this.#retrying.run("remove", (attempt) => this.#removeCurrent(partition, id, condition, attempt));
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
    }
  }
}

function absentContainer({ statusCode, substatus }: ItemResponse<FoundDocument>): Error {
  return Object.assign(new Error(`Cosmos DB answered ${statusCode} (${substatus}): does the container exist?`), {
    code: statusCode,
    substatus,
  });
}
