import { ColumnTable, type DatasetUse } from "./column-table.ts";
import { NumberColumn } from "./number-column.ts";
import { ByteSink, ByteSource } from "./snapshot-bytes.ts";
import { StringColumn } from "./string-column.ts";

/** Rises whenever the layout changes: a snapshot of another layout is none. */
const FORMAT = 1;
/** A machine of another byte order reads another number. */
const MAGIC = 0x43_41_49_52;
const DENSE = 0;
const SPARSE = 1;
/** Every cell is one text around its row's id, as run ids and artifact folders are. */
const AROUND_ID = 2;

interface SnapshotHeader {
  /** What the rows are and how they are made; whoever reads compares it with its own. */
  readonly contents: string;
  /** Of the store's `changes`: everything before it is in. */
  readonly mark: string;
  readonly writtenMs: number;
}

/** What an owner knows of each row beside the table, by a name of its choice. */
type RowTexts<T> = Readonly<Record<string, T>>;

export interface TableSnapshot {
  readonly table: ColumnTable;
  /** By slot. */
  readonly texts: RowTexts<readonly (string | undefined)[]>;
}

/**
 * A table as bytes, column by column, in chunks of 256 KB. The table must not change before the last chunk was taken.
 * @param texts by id, for each row
 */
export function* encodeTable(
  header: SnapshotHeader,
  table: ColumnTable,
  texts: RowTexts<(id: string) => string | undefined> = {},
): Generator<Uint8Array, void, undefined> {
  const sink = new ByteSink();
  for (const _ of encodeInto(sink, header, table, texts)) yield* sink.takeFull();
  yield* sink.finish();
}

function* encodeInto(
  sink: ByteSink,
  header: SnapshotHeader,
  table: ColumnTable,
  texts: RowTexts<(id: string) => string | undefined>,
): Iterable<void> {
  sink.u32(MAGIC);
  sink.u32(FORMAT);
  sink.text(JSON.stringify(header));
  yield* encodeIds(sink, table);
  yield* encodeOptional(sink, table.slotLimit, (slot) => table.noteAt(slot));
  sink.text(JSON.stringify(Object.keys(texts)));
  for (const textOf of Object.values(texts)) {
    yield* encodeOptional(sink, table.slotLimit, (slot) => {
      const id = table.idAt(slot);
      return id === undefined ? undefined : textOf(id);
    });
  }
  yield* encodeDatasets(sink, table);
  const numbers = [...table.numberColumns()];
  sink.u32(numbers.length);
  for (const column of numbers) yield encodeNumbers(sink, column, table.slotLimit);
  const strings = [...table.stringColumns()];
  sink.u32(strings.length);
  for (const column of strings) yield* encodeStrings(sink, column, table);
}

/** Undefined unless `bytes` are a whole snapshot in this version's layout. */
export function openSnapshot(bytes: Buffer): { header: SnapshotHeader; decode(): TableSnapshot } | undefined {
  const source = new ByteSource(bytes);
  if (!source.isWhole || source.u32() !== MAGIC || source.u32() !== FORMAT) return undefined;
  const header = JSON.parse(source.text()) as SnapshotHeader;
  return { header, decode: () => decode(source) };
}

function decode(source: ByteSource): TableSnapshot {
  const ids = decodeIds(source);
  const notes = decodeOptional(source);
  const names = JSON.parse(source.text()) as string[];
  const texts = Object.fromEntries(names.map((name) => [name, decodeOptional(source)]));
  const datasets = decodeDatasets(source);
  const numbers = Array.from({ length: source.u32() }, () => decodeNumbers(source));
  const strings = Array.from({ length: source.u32() }, () => decodeStrings(source, ids));
  return { table: ColumnTable.of({ ids, notes, datasets, numbers, strings }), texts };
}

function* encodeIds(sink: ByteSink, table: ColumnTable): Iterable<void> {
  const free: number[] = [];
  for (let slot = 0; slot < table.slotLimit; slot++) if (table.idAt(slot) === undefined) free.push(slot);
  sink.wholes(new Uint32Array(free));
  yield* sink.texts(table.slotLimit, (slot) => table.idAt(slot) ?? "");
}

function decodeIds(source: ByteSource): (string | undefined)[] {
  const free = source.wholes();
  const ids: (string | undefined)[] = source.texts();
  for (const slot of free) ids[slot] = undefined;
  return ids;
}

/** Texts of which many are equal, and some are missing. */
function* encodeOptional(sink: ByteSink, count: number, textAt: (index: number) => string | undefined): Iterable<void> {
  const codes = new Map<string, number>();
  const distinct: string[] = [];
  const cells = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    const text = textAt(index);
    if (text === undefined) continue;
    const code = codes.get(text) ?? distinct.push(text);
    if (code > codes.size) codes.set(text, code);
    cells[index] = code;
  }
  sink.wholes(cells);
  yield* sink.texts(distinct.length, (index) => distinct[index]!);
}

function decodeOptional(source: ByteSource): (string | undefined)[] {
  const cells = source.wholes();
  const texts = source.texts();
  const values: (string | undefined)[] = [];
  for (let at = 0; at < cells.length; at++) values.push(cells[at] === 0 ? undefined : texts[cells[at]! - 1]);
  return values;
}

/** One entry for each use of a data set. */
function* encodeDatasets(sink: ByteSink, table: ColumnTable): Iterable<void> {
  const slots: number[] = [];
  const uses: DatasetUse[] = [];
  for (let slot = 0; table.hasDatasets && slot < table.slotLimit; slot++) {
    for (const use of table.datasetsAt(slot)) {
      slots.push(slot);
      uses.push(use);
    }
  }
  sink.wholes(new Uint32Array(slots));
  for (const field of ["name", "digest", "context"] as const) {
    yield* encodeOptional(sink, uses.length, (index) => uses[index]![field]);
  }
}

function decodeDatasets(source: ByteSource): [slot: number, use: DatasetUse][] {
  const slots = source.wholes();
  const [names, digests, contexts] = [decodeOptional(source), decodeOptional(source), decodeOptional(source)];
  return Array.from(slots, (slot, at) => {
    const context = contexts[at];
    return [slot, { name: names[at]!, digest: digests[at]!, ...(context !== undefined && { context }) }];
  });
}

function encodeNumbers(sink: ByteSink, { name, cells }: NumberColumn, slots: number): void {
  sink.text(name);
  if (cells.dense) {
    sink.u32(DENSE);
    sink.floats(cells.dense.subarray(0, slots));
    return;
  }
  sink.u32(SPARSE);
  sink.wholes(Uint32Array.from(cells.sparse!.keys()));
  sink.floats(Float64Array.from(cells.sparse!.values()));
}

function decodeNumbers(source: ByteSource): NumberColumn {
  const column = new NumberColumn(source.text());
  column.cells.restore(source.u32() === DENSE ? source.floats() : pairs(source.wholes(), source.floats()));
  return column;
}

function* encodeStrings(sink: ByteSink, column: StringColumn, table: ColumnTable): Iterable<void> {
  const { name, cells } = column;
  sink.text(name);
  const around = textAroundIds(column, table);
  if (around) {
    sink.u32(AROUND_ID);
    sink.text(around.before);
    sink.text(around.after);
    return;
  }
  if (cells.dense) {
    sink.u32(DENSE);
    sink.wholes(cells.dense.subarray(0, table.slotLimit));
  } else {
    sink.u32(SPARSE);
    sink.wholes(Uint32Array.from(cells.sparse!.keys()));
    sink.wholes(Uint32Array.from(cells.sparse!.values()));
  }
  yield* sink.texts(column.codeLimit - 1, (index) => column.stringOf(index + 1) ?? "");
}

function decodeStrings(source: ByteSource, ids: readonly (string | undefined)[]): StringColumn {
  const column = new StringColumn(source.text());
  const form = source.u32();
  if (form === AROUND_ID) {
    restoreAroundIds(column, ids, source.text(), source.text());
    return column;
  }
  const cells = form === DENSE ? source.wholes() : pairs(source.wholes(), source.wholes());
  column.restore(source.texts(), cells);
  return column;
}

/** What stands before and after the row's id in every row's cell; undefined where that does not hold. */
function textAroundIds(column: StringColumn, table: ColumnTable): { before: string; after: string } | undefined {
  if (column.cells.count !== table.size) return undefined;
  let around: { before: string; after: string } | undefined;
  for (const [slot, code] of column.cells.entries()) {
    const id = table.idAt(slot)!;
    const text = column.stringOf(code)!;
    around ??= split(text, id);
    if (!around || text !== around.before + id + around.after) return undefined;
  }
  return around;
}

function split(text: string, id: string): { before: string; after: string } | undefined {
  const at = text.indexOf(id);
  return at < 0 ? undefined : { before: text.slice(0, at), after: text.slice(at + id.length) };
}

function restoreAroundIds(
  column: StringColumn,
  ids: readonly (string | undefined)[],
  before: string,
  after: string,
): void {
  const cells = new Uint32Array(ids.length);
  const texts: string[] = [];
  for (let slot = 0; slot < ids.length; slot++) {
    const id = ids[slot];
    if (id !== undefined) cells[slot] = texts.push(before + id + after);
  }
  column.restore(texts, cells);
}

function pairs(slots: Uint32Array, values: Uint32Array | Float64Array): Map<number, number> {
  const cells = new Map<number, number>();
  for (let at = 0; at < slots.length; at++) cells.set(slots[at]!, values[at]!);
  return cells;
}
