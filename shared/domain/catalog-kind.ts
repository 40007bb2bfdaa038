import type { BatchOperation, IdRange, Item, Stored } from "../stores/document-store.ts";
import { AlreadyExists, PreconditionFailed } from "../stores/errors.ts";
import { notFound, sayTooLarge } from "./errors.ts";
import { optimistically } from "./optimistic.ts";
import { cut } from "./validation.ts";
import type { Workspace } from "./workspace.ts";

/** A document of the catalog says of which kind it is. */
export interface CatalogItem extends Item {
  readonly kind: string;
}

/** What of a workspace the catalog needs. */
type CatalogOf = Pick<Workspace, "id" | "stores" | "memory">;

/** What a kind adds to a document. */
export type Contents<T extends CatalogItem> = Omit<T, "id" | "scope" | "kind">;

/** What is to be written. */
export interface Change<T extends CatalogItem, R> {
  /** Undefined: it stays as it is. */
  readonly contents?: Contents<T>;
  /** Written in the same step. A refusal of one of these is the store's, but PreconditionFailed, which has everything decided anew. */
  readonly also?: readonly BatchOperation[];
  readonly result: R;
  /** Somebody else was faster, so this was not written: undoes what was prepared for it outside the catalog. */
  readonly lost?: () => Promise<void>;
}

type Decided<T extends CatalogItem, R> = Change<T, R> | Promise<Change<T, R>>;

interface CatalogKindOptions<T extends CatalogItem, K> {
  readonly kind: T["kind"];
  /** Id of the document of that name or id, by stored-names.ts. */
  readonly idOf: (key: K) => string;
  /** Where `list` looks. */
  readonly range: Required<IdRange>;
  /** Part of the scope, after the workspace's id: what is searched together. */
  readonly scope: string;
  /** What of it can outgrow a document, for instance "The tags of this experiment". */
  readonly parts?: string;
  /** The refusal of what there is none of. */
  readonly unknown?: (key: K) => Error;
}

/**
 * The documents of one kind in the catalogs of workspaces. Each is written under the condition that it is still as it was read; writers who were
 * not first decide again. A tombstone, or whatever of another kind has the id, counts as nothing, and gives way.
 */
interface CatalogKind<T extends CatalogItem, K = string> {
  idOf(key: K): string;
  scopeOf(workspace: CatalogOf): string;
  /** The document with these contents, for whoever writes it in a batch of their own. */
  item(workspace: CatalogOf, key: K, contents: Contents<T>): T;
  get(workspace: CatalogOf, key: K): Promise<Stored<T> | undefined>;
  /** @throws NotFound, in the kind's own words */
  require(workspace: CatalogOf, key: K): Promise<Stored<T>>;
  /** In order of document id. */
  list(workspace: CatalogOf): Promise<T[]>;
  /** @param taken the refusal when there is one already */
  create(workspace: CatalogOf, key: K, contents: Contents<T>, taken: () => Error): Promise<T>;
  /** @param decide called anew when another writer was faster @throws NotFound */
  change<R>(workspace: CatalogOf, key: K, decide: (before: T) => Decided<T, R>): Promise<R>;
  /** Makes or changes it, whichever it takes. */
  put<R>(workspace: CatalogOf, key: K, decide: (before: T | undefined) => Decided<T, R>): Promise<R>;
  /** @returns what it was @throws NotFound, for all but one of those who remove it at once */
  remove(workspace: CatalogOf, key: K): Promise<T>;
}

/** @see CatalogKind */
export function catalogKind<T extends CatalogItem, K = string>(options: CatalogKindOptions<T, K>): CatalogKind<T, K> {
  const { kind, idOf, range, scope, parts = `This ${kind}` } = options;
  const { unknown = (key: K) => notFound(`There is no ${kind} '${cut(String(key))}'`) } = options;
  const isOurs = (stored: Stored<CatalogItem> | undefined): stored is Stored<T> => stored?.item.kind === kind;
  const scopeOf = (workspace: CatalogOf) => `${workspace.id}/${scope}`;

  /** Of whatever kind. */
  const read = ({ id, stores, memory }: CatalogOf, key: K) =>
    memory.get<CatalogItem>(stores.documents.catalog, id, idOf(key), "catalog");

  const item = (workspace: CatalogOf, key: K, contents: Contents<T>) =>
    ({ id: idOf(key), scope: scopeOf(workspace), kind, ...contents }) as unknown as T;

  const get = async (workspace: CatalogOf, key: K) => {
    const stored = await read(workspace, key);
    return isOurs(stored) ? stored : undefined;
  };

  const require = async (workspace: CatalogOf, key: K) => {
    const stored = await get(workspace, key);
    if (stored) return stored;
    throw unknown(key);
  };

  /** @throws PreconditionFailed when it is no longer as it was read */
  const write = async (workspace: CatalogOf, key: K, before: Stored | undefined, change: Change<T, unknown>) => {
    const { contents, also = [] } = change;
    const operations = [...also];
    if (contents) {
      const next = item(workspace, key, contents);
      operations.unshift(before ? { kind: "replace", item: next, etag: before.etag } : { kind: "create", item: next });
    }
    if (operations.length === 0) return;
    await sayTooLarge(parts, workspace.stores.documents.catalog.batch(workspace.id, operations)).catch((error) => {
      const isFirst = contents !== undefined && before === undefined;
      throw isFirst && error instanceof AlreadyExists ? new PreconditionFailed("Somebody else made it.") : error;
    });
  };

  const put = <R>(workspace: CatalogOf, key: K, decide: (before: T | undefined) => Decided<T, R>) =>
    optimistically(`${workspace.id}/${idOf(key)}`, async () => {
      const before = await read(workspace, key);
      const change = await decide(isOurs(before) ? before.item : undefined);
      await write(workspace, key, before, change).catch(async (error) => {
        if (error instanceof PreconditionFailed) await change.lost?.();
        throw error;
      });
      return change.result;
    });

  return {
    idOf,
    scopeOf,
    item,
    get,
    require,
    put,
    list: async ({ id, stores }) => {
      const found: T[] = [];
      for await (const page of stores.documents.catalog.list<T>(id, range)) {
        found.push(...page.filter(isOurs).map((stored) => stored.item));
      }
      return found;
    },
    create: (workspace, key, contents, taken) =>
      put(workspace, key, (before) => {
        if (before) throw taken();
        return { contents, result: item(workspace, key, contents) };
      }),
    change: (workspace, key, decide) =>
      put(workspace, key, (before) => {
        if (before) return decide(before);
        throw unknown(key);
      }),
    remove: async (workspace, key) => {
      const stored = await require(workspace, key);
      if (await workspace.stores.documents.catalog.remove(workspace.id, stored.item.id)) return stored.item;
      throw unknown(key);
    },
  };
}
