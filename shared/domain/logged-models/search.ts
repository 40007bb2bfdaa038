import { inParallel } from "../../parallel.ts";
import type { Stored } from "../../stores/document-store.ts";
import { turn } from "../../turns.ts";
import { experimentsOf } from "../experiment-search.ts";
import type { PointsItem } from "../metrics/append.ts";
import { type Point, pointAt, unpackPoints } from "../metrics/points.ts";
import { readSegment } from "../metrics/read.ts";
import type { SegmentReference } from "../metrics/segment.ts";
import { RecordView, readRecord, type Tombstone } from "../record.ts";
import type { RecordHead } from "../record-shape.ts";
import { ScopeIndex } from "../scope-index.ts";
import type { Clause, NumberOperator } from "../search/clauses.ts";
import { ColumnTable, type Row, type RowView } from "../search/column-table.ts";
import { searchableExperimentId } from "../search/experiment-id.ts";
import type { OrderKey } from "../search/order.ts";
import { type Continued, searchPage } from "../search/page.ts";
import { numberComparison } from "../search/predicates.ts";
import { Steps } from "../search/steps.ts";
import { HEAD_ID } from "../stored-names.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { type LoggedModel, modelsScope, sortedPoints } from "./models.ts";
import type { ModelAttributes } from "./types.ts";

/** Holds when any value logged for the model does, of those on the datasets that the request names. */
export interface MetricClause {
  readonly key: string;
  readonly op: NumberOperator;
  readonly value: number;
}

/** Orders by the value logged last (by timestamp, then step), of those on the dataset if one is named. */
export interface MetricOrder {
  readonly kind: "metric";
  readonly key: string;
  readonly descending: boolean;
  readonly datasetName?: string;
  readonly datasetDigest?: string;
}

export interface DatasetReference {
  readonly name: string;
  readonly digest?: string;
}

export interface ModelSearch {
  readonly filter: { readonly clauses: readonly Clause[]; readonly metricClauses: readonly MetricClause[] };
  readonly order: readonly (OrderKey | MetricOrder)[];
  /** Metric clauses look at values on these datasets only; none: at all. */
  readonly datasets: readonly DatasetReference[];
  readonly limit: number;
  readonly pageToken?: string;
}

type ModelHead = RecordHead<ModelAttributes>;
type ScopeItem = ModelHead | Tombstone | PointsItem;

const POINT_BYTES = 120;

/** The logged models of one experiment in a searchable table, with every value logged for them. */
class ModelIndex extends ScopeIndex<ScopeItem> {
  readonly table = new ColumnTable();
  private readonly points = new Map<string, Map<string, Point[]>>();
  /** What was asked for and has not changed since. */
  private readonly sorted = new Map<string, readonly Point[]>();
  private readonly workspace: Workspace;

  constructor(workspace: Workspace, experimentId: string) {
    super(workspace.stores.documents.runs, modelsScope(workspace, experimentId), workspace.clock);
    this.workspace = workspace;
  }

  protected estimateBytes(): number {
    let points = 0;
    for (const documents of this.points.values()) for (const logged of documents.values()) points += logged.length;
    return this.table.bytes + points * POINT_BYTES;
  }

  pointsOf(modelId: string): readonly Point[] {
    const known = this.sorted.get(modelId);
    if (known) return known;
    const points = sortedPoints([...(this.points.get(modelId)?.values() ?? [])].flat());
    this.sorted.set(modelId, points);
    return points;
  }

  protected async apply(items: readonly Stored<ScopeItem>[]): Promise<void> {
    for (const stored of items) {
      const { item } = stored;
      if ("attributes" in item) await this.applyHead(stored as Stored<ModelHead>);
      else if (item.kind === "points") this.applyPoints(item);
      else if (item.id === HEAD_ID) {
        this.table.remove(item.recordId);
        this.points.delete(item.recordId);
        this.sorted.delete(item.recordId);
      }
      await turn();
    }
  }

  private async applyHead(stored: Stored<ModelHead>): Promise<void> {
    const { modelId } = stored.item.attributes;
    const view = stored.item.paged
      ? await readRecord<ModelAttributes>(this.workspace, runsPartition(this.workspace, modelId))
      : new RecordView<ModelAttributes>(stored, []);
    if (!view) return;
    this.table.upsert(modelId, rowOf(view));
    await this.applySegments(modelId, view.attributes.segments ?? []);
  }

  /** Points that were sealed before this index saw their documents. */
  private async applySegments(modelId: string, segments: readonly SegmentReference[]): Promise<void> {
    for (const reference of segments) {
      const documents = this.documentsOf(modelId);
      if (!documents.has(reference.blob)) documents.set(reference.blob, await readSegment(this.workspace, reference));
    }
  }

  private applyPoints({ recordId, id, points }: PointsItem): void {
    const columns = unpackPoints(points);
    this.documentsOf(recordId).set(
      id,
      Array.from({ length: columns.count }, (_, i) => pointAt(columns, i)),
    );
  }

  /** To be added to. */
  private documentsOf(modelId: string): Map<string, Point[]> {
    this.sorted.delete(modelId);
    const documents = this.points.get(modelId) ?? new Map<string, Point[]>();
    this.points.set(modelId, documents);
    return documents;
  }
}

/** A model that was found; reading it whole is left to whoever needs it. */
export interface FoundModel {
  readonly modelId: string;
  /** Undefined when it was purged meanwhile. */
  load(): Promise<LoggedModel | undefined>;
}

/** Logged models of some experiments that satisfy a filter, page by page; deleted ones are left out. */
export async function searchLoggedModels(
  workspace: Workspace,
  experimentIds: readonly string[],
  { filter, order, datasets, limit, pageToken }: ModelSearch,
): Promise<Continued & { readonly models: FoundModel[] }> {
  const experiments = await experimentsOf(workspace, experimentIds);
  const searched = await inParallel(experiments, async (experiment) => {
    const create = () => new ModelIndex(workspace, experiment.experimentId);
    const index = await workspace.memory.index(modelsScope(workspace, experiment.experimentId), create);
    return { index };
  });
  await turn();
  const steps = new Steps();
  const asksForPoints = filter.metricClauses.length + datasets.length > 0;
  const tables = searched.map(({ index }) => ({
    table: index.table,
    visible: (row: RowView) =>
      row.note === "active" && (!asksForPoints || satisfies(index.pointsOf(row.id), filter, datasets, steps)),
  }));
  const orderBy = order.map((key) => (key.kind === "metric" ? metricOrder(key, searched, steps) : key));
  const page = { clauses: filter.clauses, orderBy, limit, pageToken };
  const scope = [workspace.id, [...experimentIds].sort(), filter.metricClauses, order, datasets];
  const { rows, ...continued } = searchPage(tables, page, scope, steps);
  const models = rows.map(({ table, id }) => ({
    modelId: id,
    load: async () => {
      const view = await readRecord<ModelAttributes>(workspace, runsPartition(workspace, id));
      return view && { view, points: searched[table]!.index.pointsOf(id) };
    },
  }));
  return { models, ...continued };
}

function satisfies(
  points: readonly Point[],
  { metricClauses }: ModelSearch["filter"],
  datasets: readonly DatasetReference[],
  steps: Steps,
): boolean {
  steps.take(points.length * (metricClauses.length + 1) * (datasets.length + 1));
  if (datasets.length > 0 && !points.some((point) => isOnAny(point, datasets))) return false;
  return metricClauses.every(({ key, op, value }) =>
    points.some((point) => point.key === key && isOnAny(point, datasets) && numberComparison(op, value)(point.value)),
  );
}

function isOnAny({ origin }: Point, datasets: readonly DatasetReference[]): boolean {
  if (datasets.length === 0) return true;
  return datasets.some(
    ({ name, digest }) => origin?.datasetName === name && (digest === undefined || origin.datasetDigest === digest),
  );
}

function metricOrder(key: MetricOrder, searched: readonly { readonly index: ModelIndex }[], steps: Steps): OrderKey {
  const datasets = key.datasetName ? [{ name: key.datasetName, digest: key.datasetDigest }] : [];
  return {
    kind: "computed",
    name: JSON.stringify(key),
    descending: key.descending,
    value: (row, table) => {
      const points = searched[table]!.index.pointsOf(row.id);
      steps.take(points.length);
      return points.findLast((point) => point.key === key.key && isOnAny(point, datasets))?.value;
    },
  };
}

function rowOf(view: RecordView<ModelAttributes>): Row {
  const model = view.attributes;
  return {
    numbers: [
      ["attribute.creation_timestamp", model.createdMs],
      ["attribute.last_updated_timestamp", model.updatedMs],
    ],
    strings: [
      ["attribute.name", model.name],
      ["attribute.model_id", model.modelId],
      ["attribute.status", model.status],
      ["attribute.model_type", model.modelType],
      ["attribute.source_run_id", model.sourceRunId ?? ""],
      ["attribute.experiment_id", searchableExperimentId(model.experimentId)],
      ...[...view.section("params")].map(([key, value]): [string, string] => [`param.${key}`, value]),
      ...[...view.section("tags")].map(([key, value]): [string, string] => [`tag.${key}`, value]),
    ],
    note: model.stage,
  };
}
