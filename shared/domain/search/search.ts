import { candidates } from "./candidates.ts";
import type { Clause } from "./clauses.ts";
import { compareCodePoints } from "./code-points.ts";
import type { ColumnTable, RowView } from "./column-table.ts";
import {
  compareSortValues,
  type OrderKey,
  rankOf,
  rankReader,
  type SortPosition,
  type SortReader,
  sortReader,
} from "./order.ts";
import { Steps } from "./steps.ts";
import { topK } from "./top-k.ts";

export interface SearchedTable {
  readonly table: ColumnTable;
  /** Hides rows for reasons that are no clause, for instance a lifecycle stage. Asked only about rows that satisfy the clauses. */
  readonly visible?: (row: RowView) => boolean;
}

interface SearchQuery {
  /** All must hold. */
  readonly clauses: readonly Clause[];
  /** Rows equal in all keys are ordered by id (code points). */
  readonly orderBy: readonly OrderKey[];
  /** At least 1. */
  readonly limit: number;
  /** Continue behind this position, whether or not a row still stands there. */
  readonly after?: SortPosition;
}

export interface FoundRow {
  /** Index into the searched tables. */
  readonly table: number;
  readonly id: string;
}

interface SearchResult {
  readonly rows: readonly FoundRow[];
  /** Where each of them stands, as long as nothing changes. */
  readonly positions: readonly SortPosition[];
  /** The position of the last row; only when a further row exists. */
  readonly after?: SortPosition;
}

/**
 * Finds the first `limit` rows of all tables together. Ids must be unique among the tables. Pages that continue at `after` show every row
 * that did not change meanwhile exactly once, whatever was added, changed or removed between them.
 * @throws InvalidParameter when it takes more steps than there are
 */
export function search(tables: readonly SearchedTable[], query: SearchQuery, steps = new Steps()): SearchResult {
  const found = new Found(tables, query.orderBy, steps);
  tables.forEach(({ table, visible }, index) => {
    found.add(index, shown(table, candidates(table, query.clauses, steps), visible), query.after);
  });
  const first = found.first(query.limit + 1);
  const page = first.subarray(0, query.limit);
  steps.take(page.length * (1 + query.orderBy.length));
  const rows = Array.from(page, (index) => found.row(index));
  const positions = Array.from(page, (index) => found.position(index));
  const more = first.length > query.limit && page.length > 0;
  return { rows, positions, ...(more && { after: positions.at(-1) }) };
}

function shown(table: ColumnTable, slots: Uint32Array, visible: SearchedTable["visible"]): Uint32Array {
  if (!visible) return slots;
  const view = table.view();
  let kept = 0;
  for (let index = 0; index < slots.length; index++) {
    view.slot = slots[index]!;
    if (visible(view)) slots[kept++] = view.slot;
  }
  return slots.subarray(0, kept);
}

/** Ranks are numbers side by side. */
const RANKS_PER_STEP = 4;

/** The rows found so far, by index, with what their order needs at hand. */
class Found {
  readonly #tables: readonly SearchedTable[];
  readonly #orderBy: readonly OrderKey[];
  readonly #readers: SortReader[][];
  readonly #steps: Steps;
  #slots = new Uint32Array();
  #tableOf = new Uint16Array();
  #ranks = new Float64Array();
  count = 0;

  constructor(tables: readonly SearchedTable[], orderBy: readonly OrderKey[], steps: Steps) {
    this.#steps = steps;
    this.#tables = tables;
    this.#orderBy = orderBy;
    this.#readers = tables.map(({ table }, index) => orderBy.map((key) => sortReader(key, table, index)));
  }

  /** Adds the rows of one table that come after `after`. */
  add(tableIndex: number, slots: Uint32Array, after: SortPosition | undefined): void {
    this.#makeRoomFor(slots.length);
    this.#steps.take(1 + slots.length);
    const first = this.#orderBy[0];
    const readRank = rankReader(first, this.#tables[tableIndex]!.table, this.#readers[tableIndex]![0]);
    const afterRank = after && first ? rankOf(after.values[0]!, first) : 0;
    for (let index = 0; index < slots.length; index++) {
      const slot = slots[index]!;
      const rank = readRank(slot);
      if (after && !(rank > afterRank || (rank === afterRank && this.#isBehind(tableIndex, slot, after)))) continue;
      this.#slots[this.count] = slot;
      this.#tableOf[this.count] = tableIndex;
      this.#ranks[this.count++] = rank;
    }
  }

  /** The indexes of the first rows in order. */
  first(limit: number): Uint32Array {
    this.#steps.take(Math.ceil((this.count * Math.log2(limit + 1)) / RANKS_PER_STEP));
    return topK(this.count, limit, this.#ranks, (left, right) => this.#compare(left, right));
  }

  #compare(left: number, right: number): number {
    const leftReaders = this.#readers[this.#tableOf[left]!]!;
    const rightReaders = this.#readers[this.#tableOf[right]!]!;
    for (let key = 0; key < this.#orderBy.length; key++) {
      const leftValue = leftReaders[key]!(this.#slots[left]!);
      const rightValue = rightReaders[key]!(this.#slots[right]!);
      const order = compareSortValues(leftValue, rightValue, this.#orderBy[key]!.descending, this.#steps);
      if (order !== 0) return order;
    }
    return compareCodePoints(this.#id(left), this.#id(right));
  }

  row(index: number): FoundRow {
    return { table: this.#tableOf[index]!, id: this.#id(index) };
  }

  position(index: number): SortPosition {
    const slot = this.#slots[index]!;
    return { values: this.#readers[this.#tableOf[index]!]!.map((read) => read(slot)), id: this.#id(index) };
  }

  #id(index: number): string {
    return this.#tables[this.#tableOf[index]!]!.table.idAt(this.#slots[index]!)!;
  }

  #isBehind(tableIndex: number, slot: number, after: SortPosition): boolean {
    const readers = this.#readers[tableIndex]!;
    for (let key = 0; key < readers.length; key++) {
      const value = readers[key]!(slot);
      const order = compareSortValues(value, after.values[key]!, this.#orderBy[key]!.descending, this.#steps);
      if (order !== 0) return order > 0;
    }
    return compareCodePoints(this.#tables[tableIndex]!.table.idAt(slot)!, after.id) > 0;
  }

  #makeRoomFor(more: number): void {
    const length = this.count + more;
    if (length <= this.#slots.length) return;
    this.#slots = copyInto(new Uint32Array(length), this.#slots);
    this.#tableOf = copyInto(new Uint16Array(length), this.#tableOf);
    this.#ranks = copyInto(new Float64Array(length), this.#ranks);
  }
}

function copyInto<T extends Uint32Array | Uint16Array | Float64Array>(target: T, source: T): T {
  target.set(source);
  return target;
}
