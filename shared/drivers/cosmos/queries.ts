import type { Container, FeedOptions, SqlParameter, SqlQuerySpec } from "@azure/cosmos";
import type { Attempt, Retrying } from "./retrying.ts";
import type { FoundDocument } from "./stored-document.ts";
import { PLAN_UNUSED, type Wire } from "./wire.ts";

const LIST_FROM = "SELECT * FROM c WHERE c.id >= @from AND c.id < @to ORDER BY c.id";
const LIST_AFTER = "SELECT * FROM c WHERE c.id > @from AND c.id < @to ORDER BY c.id";
const CHANGES = "SELECT * FROM c WHERE c.scope = @scope AND c._ts >= @since ORDER BY c._ts";
/** Of each partition at once. What the service then answers with is kept in memory until it is needed. */
const CHANGES_PAGE_SIZE = 200;
/** Above every id, which are of ASCII characters. */
const BEHIND_ALL_IDS = "\u{10ffff}";

export interface Page {
  readonly documents: FoundDocument[];
  /** Whether there may be more behind it. */
  readonly more: boolean;
}

/** Part of what a document is: enough to remove it if nobody changes it meanwhile. */
export type Holder = Pick<FoundDocument, "id" | "unique" | "expiresMs" | "_etag">;

/** Every query on a container. Values are parameters throughout: how texts are quoted differs between the service and its emulators. */
export class Queries {
  readonly #container: Container;
  readonly #retrying: Retrying;
  readonly #wire: Wire;

  constructor(container: Container, retrying: Retrying, wire: Wire) {
    this.#container = container;
    this.#retrying = retrying;
    this.#wire = wire;
  }

  /** Documents of a partition in the order of their ids, at most `size`, none only at the end. */
  list(
    partition: string,
    start: { from?: string; after?: string },
    to: string | undefined,
    size: number,
  ): Promise<Page> {
    const spec = {
      query: start.after === undefined ? LIST_FROM : LIST_AFTER,
      parameters: [
        { name: "@from", value: start.after ?? start.from ?? "" },
        { name: "@to", value: to ?? BEHIND_ALL_IDS },
      ],
    };
    return this.#retrying.run("list", async ({ abortSignal }) => {
      const iterator = this.#inPartition<FoundDocument>(partition, spec, { maxItemCount: size, abortSignal });
      // The service may answer with an empty page at any time.
      while (iterator.hasMoreResults()) {
        const { resources = [] } = await iterator.fetchNext();
        if (resources.length > 0) return { documents: resources, more: iterator.hasMoreResults() };
      }
      return { documents: [], more: false };
    });
  }

  /**
   * Documents of a scope in all partitions, written in the second `since` or later, oldest second first, until `isEnough` says so, which
   * sees the documents so far and how long the answers were together.
   */
  async changes(
    scope: string,
    since: number,
    limit: number,
    isEnough: (documents: readonly FoundDocument[], length: number) => boolean,
  ): Promise<Page> {
    const parameters = [
      { name: "@scope", value: scope },
      { name: "@since", value: since },
    ];
    return this.#retrying.run("changes", async ({ abortSignal }) => {
      // With its plan at hand the query goes straight to the partitions; without, the service would first refuse it.
      const options = { maxItemCount: Math.min(limit, CHANGES_PAGE_SIZE), forceQueryPlan: true, abortSignal };
      const iterator = this.#container.items.query<FoundDocument>({ query: CHANGES, parameters }, options);
      const documents: FoundDocument[] = [];
      const lengthBefore = this.#wire.receivedLength;
      while (iterator.hasMoreResults()) {
        const { resources = [] } = await iterator.fetchNext();
        for (const each of resources) documents.push(each);
        if (resources.length > 0 && isEnough(documents, this.#wire.receivedLength - lengthBefore)) break;
      }
      return { documents, more: iterator.hasMoreResults() };
    });
  }

  /** Those documents of a partition that expire and have one of the ids or unique values, as they are stored. */
  async expiring(
    partition: string,
    ids: readonly string[],
    uniques: readonly string[],
    { abortSignal }: Partial<Attempt>,
  ) {
    const oneOf = (field: string, values: readonly string[]) =>
      `c['${field}'] IN (${values.map((_, index) => `@${field}${index}`).join(", ")})`;
    const parameters = (field: string, values: readonly string[]): SqlParameter[] =>
      values.map((value, index) => ({ name: `@${field}${index}`, value }));
    const held = [ids.length > 0 && oneOf("id", ids), uniques.length > 0 && oneOf("unique", uniques)].filter(Boolean);
    const spec = {
      query: `SELECT c.id, c['unique'], c.expiresMs, c._etag FROM c WHERE IS_DEFINED(c.expiresMs) AND (${held.join(" OR ")})`,
      parameters: [...parameters("id", ids), ...parameters("unique", uniques)],
    };
    const { resources } = await this.#inPartition<Holder>(partition, spec, { abortSignal }).fetchAll();
    return resources;
  }

  #inPartition<T>(partition: string, spec: SqlQuerySpec, options: FeedOptions) {
    return this.#container.items.query<T>(spec, {
      ...options,
      partitionKey: partition,
      initialHeaders: { [PLAN_UNUSED]: "true" },
    });
  }
}
