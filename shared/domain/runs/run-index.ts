import type { Stored } from "../../stores/document-store.ts";
import type { PointsItem } from "../metrics/append.ts";
import { joinColumns, joinLatest, type LatestMetrics } from "../metrics/latest.ts";
import { unpackPoints } from "../metrics/points.ts";
import { foldedLatest } from "../metrics/read.ts";
import { HEAD_ID, RecordView, readRecord, type Tombstone } from "../record.ts";
import { ScopeIndex } from "../scope-index.ts";
import { ColumnTable, type Row } from "../search/column-table.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { runsScope } from "./runs.ts";
import type { RunAttributes, RunHead } from "./types.ts";

type ScopeItem = RunHead | Tombstone | PointsItem;

/** Latest values of a run with points that are not folded into its head yet. */
interface LiveRun {
  readonly latest: LatestMetrics;
  /** Whether the head's folded values are joined in. */
  isComplete: boolean;
  lastPointsId: string;
}

const LIVE_METRIC_BYTES = 150;
const RUN_BYTES = 120;
let versions = 0;

/** The runs of one experiment in a searchable table, latest metric values included. */
export class RunIndex extends ScopeIndex<ScopeItem> {
  readonly table = new ColumnTable();
  private readonly workspace: Workspace;
  private readonly live = new Map<string, LiveRun>();
  private readonly known = new Map<string, { version: number; foldedTo?: string }>();
  /** Runs whose row needs more than the documents that came: pages, or the folded values below new points. */
  private readonly incomplete = new Set<string>();

  constructor(workspace: Workspace, experimentId: string) {
    super(workspace.stores.documents.runs, runsScope(workspace, experimentId));
    this.workspace = workspace;
  }

  get bytes(): number {
    let metrics = 0;
    for (const { latest } of this.live.values()) metrics += latest.size;
    return this.table.bytes + this.known.size * RUN_BYTES + metrics * LIVE_METRIC_BYTES;
  }

  /** Changes whenever anything about the run does; never comes twice in this process. */
  version(runId: string): number {
    return this.known.get(runId)?.version ?? 0;
  }

  /** The latest values of a run whose record was just read. */
  latestOf(runId: string, view: RecordView<RunAttributes>): LatestMetrics {
    const latest = foldedLatest(view);
    joinLatest(latest, this.live.get(runId)?.latest.values() ?? []);
    return latest;
  }

  protected apply(items: readonly Stored<ScopeItem>[]): void {
    for (const stored of items) {
      const { item } = stored;
      if ("attributes" in item) this.applyHead(stored as Stored<RunHead>);
      else if (item.kind === "points") this.applyPoints(item);
      else if (item.id === HEAD_ID) this.forget(item.recordId);
    }
  }

  /** Completes what needed documents beyond those that had changed. */
  protected override async settle(): Promise<void> {
    for (const runId of this.incomplete) {
      const view = await readRecord<RunAttributes>(this.workspace, runsPartition(this.workspace, runId));
      this.incomplete.delete(runId);
      if (view) this.setRow(view);
      else this.forget(runId);
    }
  }

  private applyHead(stored: Stored<RunHead>): void {
    const { runId } = stored.item.attributes;
    if (stored.item.paged) {
      this.incomplete.add(runId);
    } else {
      this.setRow(new RecordView<RunAttributes>(stored, []));
      this.incomplete.delete(runId);
    }
  }

  private setRow(view: RecordView<RunAttributes>): void {
    const { runId, foldedTo } = view.attributes;
    const live = this.live.get(runId);
    if (live && foldedTo !== undefined && live.lastPointsId <= foldedTo) this.live.delete(runId);
    else if (live) {
      joinLatest(live.latest, foldedLatest(view).values());
      live.isComplete = true;
    }
    this.table.upsert(runId, rowOf(view, this.live.get(runId)?.latest));
    this.known.set(runId, { version: ++versions, ...(foldedTo !== undefined && { foldedTo }) });
  }

  private applyPoints({ recordId, id, points }: PointsItem): void {
    const known = this.known.get(recordId);
    if (known?.foldedTo !== undefined && id <= known.foldedTo) return;
    const live = this.live.get(recordId) ?? { latest: new Map(), isComplete: false, lastPointsId: "" };
    this.live.set(recordId, live);
    joinColumns(live.latest, unpackPoints(points));
    if (id > live.lastPointsId) live.lastPointsId = id;
    if (!known || !live.isComplete) {
      this.incomplete.add(recordId);
      return;
    }
    known.version = ++versions;
    for (const key of points.keys) this.table.setNumber(recordId, `metric.${key}`, live.latest.get(key)!.value);
  }

  private forget(runId: string): void {
    this.table.remove(runId);
    this.live.delete(runId);
    this.known.delete(runId);
    this.incomplete.delete(runId);
  }
}

/** What `visible` compares: the stage and the epoch it was set in. */
export function stageNote(stage: string, epoch: number): string {
  return `${stage}:${epoch}`;
}

function rowOf(view: RecordView<RunAttributes>, live: LatestMetrics | undefined): Row {
  const run = view.attributes;
  const { sections } = view.head.item;
  const isInline = view.pages.length === 0;
  const params = isInline ? (sections.params ?? []) : view.section("params");
  const tags = isInline ? (sections.tags ?? []) : view.section("tags");
  const numbers: [string, number][] = [["attribute.start_time", run.startMs]];
  if (run.endMs !== undefined) numbers.push(["attribute.end_time", run.endMs]);
  const latest = live ?? foldedLatest(view);
  for (const { key, value } of latest.values()) numbers.push([`metric.${key}`, value]);
  const strings: [string, string][] = [
    ["attribute.run_id", run.runId],
    ["attribute.user_id", run.userId],
    ["attribute.status", run.status],
    ["attribute.artifact_uri", run.artifactUri],
  ];
  for (const [key, value] of params) strings.push([`param.${key}`, value]);
  for (const [key, value] of tags) strings.push([`tag.${key}`, value]);
  const datasets = [...view.section("inputs").values()].map(({ name, digest, tags: inputTags }) => {
    const context = inputTags.find(([key]) => key === "mlflow.data.context")?.[1];
    return { name, digest, ...(context !== undefined && { context }) };
  });
  return { numbers, strings, datasets, note: stageNote(run.stage, run.stageEpoch) };
}
