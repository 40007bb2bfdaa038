import type { BatchOperation, Item, Stored } from "../stores/document-store.ts";
import { AlreadyExists, PreconditionFailed } from "../stores/errors.ts";
import { optimistically } from "./optimistic.ts";
import { judgedBatches } from "./record-batches.ts";
import { ROOMS, requireRoom } from "./record-room.ts";
import type { Entries, RecordAttributes, RecordHead, SectionName, Sections } from "./record-shape.ts";
import { digits, HEAD_ID, RECORD } from "./stored-names.ts";
import type { Workspace } from "./workspace.ts";

interface Page extends Item {
  readonly section: SectionName;
  readonly entries: Entries<unknown>;
}

const INLINE_BYTES = 256 * 1024;
const PAGE_COUNT = 32;

/**
 * One consistent state of a record. Pages of a section that the head does not name as paged were left by a change that
 * died, and are ignored.
 */
export class RecordView<A extends RecordAttributes> {
  readonly head: Stored<RecordHead<A>>;
  readonly pages: readonly Stored<Page>[];

  constructor(head: Stored<RecordHead<A>>, pages: readonly Stored<Page>[]) {
    this.head = head;
    this.pages = pages;
  }

  get attributes(): A {
    return this.head.item.attributes;
  }

  /** The section's entries, in order of key where they are few, in no order where they are paged. */
  section<S extends SectionName>(name: S): Map<string, Sections[S]> {
    const entries = new Map<string, Sections[S]>(this.head.item.sections[name]);
    if (!this.head.item.paged?.includes(name)) return entries;
    for (const { item } of this.pages) {
      if (item.section === name) for (const [key, value] of item.entries) entries.set(key, value as Sections[S]);
    }
    return entries;
  }
}

/** A record being changed; see `changeRecord`. */
export class Draft<A extends RecordAttributes> {
  attributes: A;
  private readonly view: RecordView<A>;
  private readonly opened: { [S in SectionName]?: DraftSection<Sections[S]> } = {};

  constructor(view: RecordView<A>) {
    this.view = view;
    this.attributes = view.attributes;
  }

  update(changes: Partial<A>): void {
    this.attributes = { ...this.attributes, ...changes };
  }

  section<S extends SectionName>(name: S): DraftSection<Sections[S]> {
    const opened = this.opened as { [T in S]?: DraftSection<Sections[S]> };
    opened[name] ??= new DraftSection(this.view.section(name));
    return opened[name];
  }

  /** @throws TooLarge when sections have grown beyond what a record may hold */
  private requireRoom(): void {
    for (const room of ROOMS) {
      const { sections } = room;
      if (!sections.some((name) => this.opened[name]?.changed.size)) continue;
      const after = sections.map((name) => this.section(name).entries);
      requireRoom(this.attributes.kind, room, after, () => sections.map((name) => this.view.section(name)));
    }
  }

  get isChanged(): boolean {
    return (
      this.attributes !== this.view.attributes || Object.values(this.opened).some((section) => section.changed.size > 0)
    );
  }

  /** Whether this change moves a section out of the head. */
  get startsPaging(): boolean {
    return this.sectionsToPage().length > (this.view.head.item.paged?.length ?? 0);
  }

  /** Head and pages as they should be written; pages only where they changed. `existing`: the pages there are. */
  operations(existing: readonly Stored<Page>[]): { head: RecordHead<A>; pages: BatchOperation[] } {
    this.requireRoom();
    const { item } = this.view.head;
    const paged = this.sectionsToPage();
    const sections: Record<string, Entries<unknown>> = {};
    for (const name of this.sectionNames()) {
      if (!paged.includes(name)) sections[name] = this.sortedEntries(name);
    }
    const head = {
      ...item,
      attributes: this.attributes,
      sections,
      ...(paged.length > 0 && { paged }),
    };
    return { head, pages: paged.flatMap((name) => this.changedPages(name, existing)) };
  }

  private sectionNames(): SectionName[] {
    const { sections, paged = [] } = this.view.head.item;
    return [...new Set([...Object.keys(sections), ...paged, ...Object.keys(this.opened)])] as SectionName[];
  }

  private sortedEntries(name: SectionName): Entries<unknown> {
    const opened = this.opened[name];
    if (!opened || opened.changed.size === 0) return this.view.head.item.sections[name] ?? [];
    return [...opened.entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Sections that are paged already, and the largest others until the rest fits into the head. */
  private sectionsToPage(): SectionName[] {
    const paged = [...(this.view.head.item.paged ?? [])];
    const inline = this.sectionNames()
      .filter((name) => !paged.includes(name))
      .map((name) => ({ name, bytes: entriesBytes(this.opened[name]?.entries ?? this.view.head.item.sections[name]) }))
      .sort((a, b) => a.bytes - b.bytes);
    let total = inline.reduce((sum, { bytes }) => sum + bytes, 0);
    while (total > INLINE_BYTES) {
      const largest = inline.pop()!;
      total -= largest.bytes;
      paged.push(largest.name);
    }
    return paged;
  }

  private changedPages(name: SectionName, existing: readonly Stored<Page>[]): BatchOperation[] {
    const wasInline = !this.view.head.item.paged?.includes(name);
    const section = this.section(name);
    const contents = new Map<string, [string, unknown][]>();
    const left = wasInline ? existing.filter(({ item }) => item.section === name) : [];
    for (const { item } of left) contents.set(item.id, []);
    for (const key of wasInline ? section.entries.keys() : section.changed) contents.set(pageId(name, key), []);
    for (const entry of section.entries) contents.get(pageId(name, entry[0]))?.push(entry);
    const scope = `${this.view.head.partition}/pages`;
    const etags = new Map(existing.map(({ item, etag }) => [item.id, etag]));
    return [...contents].map(([id, entries]): BatchOperation => {
      const item: Page = { id, scope, section: name, entries };
      const etag = etags.get(id);
      return etag === undefined ? { kind: "create", item } : { kind: "replace", item, etag };
    });
  }
}

class DraftSection<V> {
  readonly entries: Map<string, V>;
  readonly changed = new Set<string>();

  constructor(entries: Map<string, V>) {
    this.entries = entries;
  }

  set(key: string, value: V): void {
    if (this.entries.get(key) === value) return;
    this.entries.set(key, value);
    this.changed.add(key);
  }

  /** False when it was not there. */
  delete(key: string): boolean {
    if (!this.entries.delete(key)) return false;
    this.changed.add(key);
    return true;
  }
}

/** What is left of a purged record for 30 days, so that search tables forget it. */
export interface Tombstone extends Item {
  readonly kind: "tombstone";
  readonly recordId: string;
  /** Blobs below these prefixes were the record's. */
  readonly prefixes: readonly string[];
}

/** The head as it is now: enough for attributes and to know that the record exists. */
export async function getHead<A extends RecordAttributes>(
  workspace: Workspace,
  partition: string,
): Promise<Stored<RecordHead<A>> | undefined> {
  const { runs } = workspace.stores.documents;
  const head = await workspace.memory.get<RecordHead<A> | Tombstone>(runs, partition, HEAD_ID, "runs");
  return head && "attributes" in head.item ? (head as Stored<RecordHead<A>>) : undefined;
}

/** The head as this process has seen it last: good enough to guess with, never to answer with. */
export function recallHead<A extends RecordAttributes>(
  workspace: Workspace,
  partition: string,
): RecordHead<A> | undefined {
  const item = workspace.memory.recall<RecordHead<A> | Tombstone>(partition, HEAD_ID, "runs");
  return item && "attributes" in item ? item : undefined;
}

/** The whole record in one consistent state; undefined when there is none. */
export async function readRecord<A extends RecordAttributes>(
  workspace: Workspace,
  partition: string,
): Promise<RecordView<A> | undefined> {
  let head = await getHead<A>(workspace, partition);
  while (head !== undefined) {
    if (!head.item.paged) return new RecordView(head, []);
    const pages = await readPages(workspace, partition);
    const after = await getHead<A>(workspace, partition);
    if (after?.etag === head.etag) return new RecordView(head, pages);
    head = after;
  }
  return undefined;
}

async function readPages(workspace: Workspace, partition: string): Promise<Stored<Page>[]> {
  const pages: Stored<Page>[] = [];
  const { runs } = workspace.stores.documents;
  for await (const found of runs.list<Page>(partition, RECORD.pages.all())) pages.push(...found);
  return pages;
}

/**
 * Creates a record; raises the store's AlreadyExists when the id is taken. Where it is too large for one batch the head
 * comes with the last: before that nobody sees it.
 */
export async function createRecord<A extends RecordAttributes>(
  workspace: Workspace,
  partition: string,
  scope: string,
  attributes: A,
  fill: (draft: Draft<A>) => void,
): Promise<RecordView<A>> {
  const item: RecordHead<A> = { id: HEAD_ID, scope, attributes, sections: {} };
  const draft = new Draft<A>(new RecordView({ item, partition, etag: "" }, []));
  fill(draft);
  const { head, pages } = draft.operations([]);
  const store = workspace.stores.documents.runs;
  if (pages.length > 0) {
    const batches = judgedBatches(head, pages);
    const last = batches.pop()!;
    for (const batch of batches) await store.batch(partition, batch);
    await store.batch(partition, [{ kind: "create", item: head }, ...last]);
    return (await readRecord<A>(workspace, partition))!;
  }
  const etag = await store.create(partition, head);
  return new RecordView({ item: head, partition, etag }, []);
}

/** What else belongs to a change of a record. */
export interface ChangeOptions {
  /**
   * A document to create in the same batch, in the record's scope. Its id is made from its content: where it is taken,
   * this very document has been written already.
   */
  readonly alongside?: (scope: string) => Item;
  /** Called whenever the record is about to be read: time to begin reading what `change` will ask for. */
  readonly begin?: () => void;
  /** Called when the change is judged to fit, before its first write: time to write what it refers to. */
  readonly ready?: () => Promise<unknown>;
}

/**
 * Changes a record: `change` edits the draft (and may run again when another writer was faster), then everything is
 * written under the head's ETag. Nothing is written when nothing changed. Undefined when there is no such record.
 */
export function changeRecord<A extends RecordAttributes, R>(
  workspace: Workspace,
  partition: string,
  change: (draft: Draft<A>) => R | Promise<R>,
  { alongside, begin, ready }: ChangeOptions = {},
): Promise<R | undefined> {
  let isCreated = false;
  return optimistically(partition, async () => {
    begin?.();
    const view = await readRecord<A>(workspace, partition);
    if (view === undefined) return undefined;
    const draft = new Draft<A>(view);
    const result = await change(draft);
    const created = isCreated ? undefined : alongside?.(view.head.item.scope);
    try {
      await save(workspace, view, draft, { created, ready });
    } catch (error) {
      if (!(error instanceof AlreadyExists) || created === undefined) throw error;
      isCreated = true;
      throw new PreconditionFailed("These points are written already; what remains is tried again.");
    }
    return result;
  });
}

/**
 * Most changes are one batch. Where pages are too large for that, several follow each other, each of which is refused
 * if the head has changed since the one before; the new head comes with the last, so that what moves out of it is in
 * its pages before. A reader may see some of the entries of such a call earlier than the others, and a death between
 * two batches leaves them: the same call again writes the rest.
 */
async function save<A extends RecordAttributes>(
  workspace: Workspace,
  view: RecordView<A>,
  draft: Draft<A>,
  { created, ready }: { readonly created: Item | undefined; readonly ready: ChangeOptions["ready"] },
): Promise<void> {
  const store = workspace.stores.documents.runs;
  const { partition } = view.head;
  if (!draft.isChanged) {
    await ready?.();
    if (created) await store.create(partition, created);
    return;
  }
  const existing = draft.startsPaging ? await readPages(workspace, partition) : view.pages;
  const { head, pages } = draft.operations(existing);
  const operations: BatchOperation[] = created ? [{ kind: "create", item: created }, ...pages] : pages;
  const batches = operations.length > 0 ? judgedBatches(head, operations) : [];
  await ready?.();
  if (batches.length === 0) {
    await store.replace(partition, head, view.head.etag);
    return;
  }
  let etag = view.head.etag;
  for (const [i, batch] of batches.entries()) {
    const item = i === batches.length - 1 ? head : view.head.item;
    [etag] = (await store.batch(partition, [{ kind: "replace", item, etag }, ...batch])) as [string];
  }
}

/** Of JSON in UTF-8. */
function entriesBytes(entries: Iterable<readonly [string, unknown]> | undefined): number {
  return Buffer.byteLength(JSON.stringify([...(entries ?? [])]));
}

function pageId(section: SectionName, key: string): string {
  return RECORD.pages.of(section, digits(bucketOf(key), 2));
}

/** FNV-1a. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PAGE_COUNT;
}
