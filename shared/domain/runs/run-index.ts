import { LRUCache } from "lru-cache";
import type { Stored } from "../../stores/document-store.ts";
import { turn } from "../../turns.ts";
import type { PointsItem } from "../metrics/append.ts";
import { joinColumns, joinLatest, type LatestMetrics } from "../metrics/latest.ts";
import { unpackPoints } from "../metrics/points.ts";
import { foldedLatest, readLatest } from "../metrics/read.ts";
import { RecordView, readRecord, type Tombstone } from "../record.ts";
import { ScopeIndex } from "../scope-index.ts";
import { ColumnTable, type Row } from "../search/column-table.ts";
import { FreezableChunks } from "../search/freezable-chunks.ts";
import { loadSnapshot, runsSnapshotBlob } from "../search/snapshot-blob.ts";
import { encodeTable } from "../search/table-snapshot.ts";
import { HEAD_ID } from "../stored-names.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { runsScope } from "./runs.ts";
import type { RunAttributes, RunHead } from "./types.ts";

type ScopeItem = RunHead | Tombstone | PointsItem;

interface KnownRun {
  /** Changes whenever anything about the run does; never comes twice in this process. */
  version: number;
  /** The newest points document that is not folded into the head; undefined when all are. */
  unfolded: string | undefined;
  foldedTo: string | undefined;
  /** Of the head that is in; undefined when the run came from a snapshot. */
  readonly etag?: string;
}

/** So many latest values of runs that are being logged to are kept at hand; other runs are read again when they change. */
const LIVE_METRICS = 100_000;
const LIVE_METRIC_BYTES = 150;
const KNOWN_RUN_BYTES = 150;
/** Rises whenever `rowOf` makes other rows of the same runs: snapshots with the old ones count no more. */
const SNAPSHOT_CONTENTS = "runs-1";
let versions = 0;

/** The runs of one experiment in a searchable table, latest metric values included. */
export class RunIndex extends ScopeIndex<ScopeItem> {
  table = new ColumnTable();
  /** Items applied since a snapshot was written, read or asked for. */
  unsaved = 0;
  private readonly workspace: Workspace;
  private readonly experimentId: string;
  private readonly saving = new Set<FreezableChunks>();
  private readonly known = new Map<string, KnownRun>();
  private readonly live = new LRUCache<string, LatestMetrics>({
    maxSize: LIVE_METRICS,
    sizeCalculation: (latest) => latest.size + 1,
  });

  constructor(workspace: Workspace, experimentId: string) {
    super(workspace.stores.documents.runs, runsScope(workspace, experimentId), workspace.clock);
    this.workspace = workspace;
    this.experimentId = experimentId;
  }

  protected estimateBytes(): number {
    return this.table.bytes + this.known.size * KNOWN_RUN_BYTES + this.live.calculatedSize * LIVE_METRIC_BYTES;
  }

  version(runId: string): number {
    return this.known.get(runId)?.version ?? 0;
  }

  /** The latest values of a run whose record was just read. */
  async latestOf(runId: string, view: RecordView<RunAttributes>): Promise<LatestMetrics> {
    if (this.known.get(runId)?.unfolded === undefined) return foldedLatest(view);
    const live = this.live.get(runId);
    if (!live) return (await readLatest(this.workspace, view)).latest;
    const latest = foldedLatest(view);
    joinLatest(latest, live.values());
    return latest;
  }

  /** Writes everything as it is at the time of the call, for `restore` in another process. Call it after a refresh. */
  async save(write: (chunks: FreezableChunks) => Promise<unknown>): Promise<void> {
    const header = { contents: SNAPSHOT_CONTENTS, mark: this.mark!, writtenMs: this.workspace.clock.now() };
    const texts = {
      unfolded: (runId: string) => this.known.get(runId)?.unfolded,
      foldedTo: (runId: string) => this.known.get(runId)?.foldedTo,
    };
    const chunks = new FreezableChunks(encodeTable(header, this.table, texts));
    this.saving.add(chunks);
    const saved = this.unsaved;
    try {
      await write(chunks);
    } finally {
      this.saving.delete(chunks);
    }
    this.unsaved = Math.max(0, this.unsaved - saved);
  }

  protected override async restore(): Promise<string | undefined> {
    const blob = runsSnapshotBlob(this.workspace, this.experimentId);
    const snapshot = await loadSnapshot(this.workspace, blob, SNAPSHOT_CONTENTS);
    if (!snapshot) return undefined;
    const { table, texts, mark } = snapshot;
    this.table = table;
    for (let slot = 0; slot < table.slotLimit; slot++) {
      const runId = table.idAt(slot);
      if (runId === undefined) continue;
      const [unfolded, foldedTo] = [texts.unfolded?.[slot], texts.foldedTo?.[slot]];
      this.known.set(runId, { version: ++versions, unfolded, foldedTo });
    }
    return mark;
  }

  protected override clear(): void {
    this.table = new ColumnTable();
    this.known.clear();
  }

  protected async apply(items: readonly Stored<ScopeItem>[]): Promise<void> {
    this.unsaved += items.length;
    const page = new Page();
    for (const stored of items) {
      const { item } = stored;
      if ("attributes" in item) this.addHead(page, stored as Stored<RunHead>);
      else if (item.kind === "points") this.addPoints(page, item);
      else if (item.id === HEAD_ID) this.forget(item.recordId);
      await turn();
    }
    for (const runId of page.changed) {
      await this.bringUpToDate(runId, page);
      await turn();
    }
  }

  /** Changes of the last seconds come again with each look. */
  private addHead(page: Page, stored: Stored<RunHead>): void {
    if (this.known.get(stored.item.attributes.runId)?.etag !== stored.etag) page.addHead(stored);
  }

  private addPoints(page: Page, item: PointsItem): void {
    const foldedTo = this.known.get(item.recordId)?.foldedTo;
    if (foldedTo === undefined || item.id > foldedTo) page.addPoints(item);
  }

  private async bringUpToDate(runId: string, page: Page): Promise<void> {
    const points = page.points.get(runId);
    const head = page.heads.get(runId);
    const known = this.known.get(runId);
    if (points && !head && known && this.live.has(runId)) return this.joinPoints(runId, known, points);
    const view =
      head && !head.item.paged
        ? new RecordView<RunAttributes>(head, [])
        : await readRecord<RunAttributes>(this.workspace, runsPartition(this.workspace, runId));
    if (!view) return this.forget(runId);
    const { foldedTo } = view.attributes;
    const newest = [known?.unfolded, points?.lastId].filter((id) => id !== undefined).reduce(later, "");
    const unfolded = newest > (foldedTo ?? "") ? newest : undefined;
    const latest = await this.currentLatest(runId, view, unfolded === undefined ? undefined : { known, points });
    this.beforeChange();
    this.table.upsert(runId, rowOf(view, latest));
    this.known.set(runId, { version: ++versions, unfolded, foldedTo, etag: view.head.etag });
    if (unfolded === undefined) this.live.delete(runId);
    else this.keepAtHand(runId, latest);
  }

  private keepAtHand(runId: string, latest: LatestMetrics): void {
    // The cache weighs a value only when it is new to it.
    this.live.delete(runId);
    this.live.set(runId, latest);
  }

  /** Only points are new: just their cells change. */
  private joinPoints(runId: string, known: KnownRun, points: NewPoints): void {
    this.beforeChange();
    const latest = this.live.get(runId)!;
    const { size } = latest;
    joinLatest(latest, points.latest.values());
    if (latest.size > size) this.keepAtHand(runId, latest);
    for (const key of points.latest.keys()) this.table.setNumber(runId, `metric.${key}`, latest.get(key)!.value);
    known.version = ++versions;
    known.unfolded = later(known.unfolded ?? "", points.lastId);
  }

  /** @param unfolded what is known of points that the head lacks; undefined when it has all */
  private async currentLatest(
    runId: string,
    view: RecordView<RunAttributes>,
    unfolded: { known: KnownRun | undefined; points: NewPoints | undefined } | undefined,
  ): Promise<LatestMetrics> {
    const latest = foldedLatest(view);
    if (!unfolded) return latest;
    const live = this.live.get(runId);
    if (unfolded.known?.unfolded !== undefined && !live) return (await readLatest(this.workspace, view)).latest;
    joinLatest(latest, live?.values() ?? []);
    joinLatest(latest, unfolded.points?.latest.values() ?? []);
    return latest;
  }

  private forget(runId: string): void {
    this.beforeChange();
    this.table.remove(runId);
    this.live.delete(runId);
    this.known.delete(runId);
  }

  private beforeChange(): void {
    for (const chunks of this.saving) chunks.freeze();
  }
}

/** The runs of an experiment, with everything in that was acknowledged before the call. */
export function openRunIndex(workspace: Workspace, experimentId: string): Promise<RunIndex> {
  const create = () => new RunIndex(workspace, experimentId);
  return workspace.memory.index(runsScope(workspace, experimentId), create);
}

interface NewPoints {
  readonly latest: LatestMetrics;
  lastId: string;
}

/** What one page of changes says, by run. */
class Page {
  readonly heads = new Map<string, Stored<RunHead>>();
  readonly points = new Map<string, NewPoints>();
  readonly changed = new Set<string>();

  addHead(stored: Stored<RunHead>): void {
    const { runId } = stored.item.attributes;
    this.heads.set(runId, stored);
    this.changed.add(runId);
  }

  addPoints({ recordId, id, points }: PointsItem): void {
    const entry = this.points.get(recordId) ?? { latest: new Map(), lastId: "" };
    this.points.set(recordId, entry);
    joinColumns(entry.latest, unpackPoints(points));
    entry.lastId = later(entry.lastId, id);
    this.changed.add(recordId);
  }
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}

/** What `visible` compares: the stage and the epoch it was set in. */
export function stageNote(stage: string, epoch: number): string {
  return `${stage}:${epoch}`;
}

function rowOf(view: RecordView<RunAttributes>, latest: LatestMetrics): Row {
  const run = view.attributes;
  const numbers: [string, number][] = [["attribute.start_time", Number(run.startMs)]];
  if (run.endMs !== undefined) numbers.push(["attribute.end_time", Number(run.endMs)]);
  for (const { key, value } of latest.values()) numbers.push([`metric.${key}`, value]);
  const strings: [string, string][] = [
    ["attribute.run_id", run.runId],
    ["attribute.user_id", run.userId],
    ["attribute.status", run.status],
    ["attribute.artifact_uri", run.artifactUri],
  ];
  for (const [key, value] of view.section("params")) strings.push([`param.${key}`, value]);
  for (const [key, value] of view.section("tags")) strings.push([`tag.${key}`, value]);
  const datasets = [...view.section("inputs").values()].map(({ name, digest, tags }) => {
    const context = tags.find(([key]) => key === "mlflow.data.context")?.[1];
    return { name, digest, ...(context !== undefined && { context }) };
  });
  return { numbers, strings, datasets, note: stageNote(run.stage, run.stageEpoch) };
}
