import type { MetricClause } from "../../../shared/domain/logged-models/search.ts";
import type { Clause } from "../../../shared/domain/search/clauses.ts";
import { ColumnTable, type DatasetUse, type RowView } from "../../../shared/domain/search/column-table.ts";
import { searchableExperimentId } from "../../../shared/domain/search/experiment-id.ts";
import type { OrderKey } from "../../../shared/domain/search/order.ts";
import { numberComparison } from "../../../shared/domain/search/predicates.ts";
import { search } from "../../../shared/domain/search/search.ts";
import { parseExperimentFilter, parseExperimentOrder } from "../../../shared/mlflow/filter/experiments.ts";
import {
  type LoggedModelOrder,
  type LoggedModelOrderBy,
  parseLoggedModelFilter,
  parseLoggedModelOrder,
} from "../../../shared/mlflow/filter/logged-models.ts";
import { parseModelVersionFilter, parseModelVersionOrder } from "../../../shared/mlflow/filter/model-versions.ts";
import {
  parseRegisteredModelFilter,
  parseRegisteredModelOrder,
} from "../../../shared/mlflow/filter/registered-models.ts";
import { parseRunFilter, parseRunOrder } from "../../../shared/mlflow/filter/runs.ts";

export type Kind = "runs" | "experiments" | "registeredModels" | "modelVersions" | "loggedModels";

/** One entity of the seeded data: attributes by name, and what it may have besides. */
interface Entity {
  readonly id: string;
  readonly metrics?: Record<string, number | "NaN">;
  readonly params?: Record<string, string>;
  readonly tags?: Record<string, string>;
  readonly datasets?: readonly DatasetUse[];
  readonly points?: readonly Point[];
  readonly [attribute: string]: unknown;
}

interface Point {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
  readonly dataset: string | null;
  readonly digest: string | null;
}

export type SeededData = Record<Kind, readonly Entity[]>;

/** Answers filters over seeded data the way the surface does. */
export class Answerer {
  readonly #tables: Record<Kind, ColumnTable>;
  readonly #points: ReadonlyMap<string, readonly Point[]>;

  constructor(data: SeededData) {
    const kinds = Object.keys(data) as Kind[];
    this.#tables = Object.fromEntries(kinds.map((kind) => [kind, tableOf(data[kind])])) as Record<Kind, ColumnTable>;
    this.#points = new Map(data.loggedModels.map(({ id, points }) => [id, points ?? []]));
  }

  /** The ids found, in order. */
  answer(kind: Kind, filter: string, order: readonly (string | LoggedModelOrderBy)[]): string[] {
    const texts = order as readonly string[];
    switch (kind) {
      case "runs":
        return this.#find(kind, parseRunFilter(filter), parseRunOrder(texts));
      case "experiments":
        return this.#find(kind, parseExperimentFilter(filter), parseExperimentOrder(texts));
      case "registeredModels":
        return this.#find(kind, parseRegisteredModelFilter(filter), parseRegisteredModelOrder(texts));
      case "modelVersions":
        return this.#find(kind, parseModelVersionFilter(filter), parseModelVersionOrder(texts));
      case "loggedModels": {
        const { clauses, metricClauses } = parseLoggedModelFilter(filter);
        const keys = parseLoggedModelOrder(order as readonly LoggedModelOrderBy[]).map((key) => this.#computed(key));
        return this.#find(kind, clauses, keys, (row) => metricClauses.every((clause) => this.#holds(row, clause)));
      }
    }
  }

  #find(kind: Kind, clauses: readonly Clause[], orderBy: OrderKey[], visible?: (row: RowView) => boolean): string[] {
    return search([{ table: this.#tables[kind], visible }], { clauses, orderBy, limit: 1000 }).rows.map(({ id }) => id);
  }

  #holds({ id }: RowView, { key, op, value }: MetricClause): boolean {
    const test = numberComparison(op, value);
    return this.#points.get(id)!.some((point) => point.key === key && test(point.value));
  }

  #computed(order: LoggedModelOrder): OrderKey {
    if (order.kind !== "metric") return order;
    const { key, datasetName, datasetDigest, descending } = order;
    const latest = ({ id }: RowView): number | undefined =>
      this.#points
        .get(id)!
        .filter((point) => point.key === key)
        .filter((point) => datasetName === undefined || point.dataset === datasetName)
        .filter((point) => datasetDigest === undefined || point.digest === datasetDigest)
        .sort((a, b) => b.timestamp - a.timestamp || b.step - a.step)[0]?.value;
    return { kind: "computed", name: key, descending, value: latest };
  }
}

function tableOf(entities: readonly Entity[]): ColumnTable {
  const table = new ColumnTable();
  for (const { id, metrics = {}, params = {}, tags = {}, datasets = [], points: _, ...attributes } of entities) {
    const numbers: [string, number][] = [];
    const strings: [string, string][] = [];
    for (const [key, value] of Object.entries(metrics)) numbers.push([`metric.${key}`, Number(value)]);
    for (const [key, value] of Object.entries(params)) strings.push([`param.${key}`, value]);
    for (const [key, value] of Object.entries(tags)) strings.push([`tag.${key}`, value]);
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === "number") numbers.push([`attribute.${key}`, value]);
      if (typeof value === "string") strings.push([`attribute.${key}`, value]);
    }
    strings.push(["attribute.experiment_id", searchableExperimentId(String(attributes.experiment_id ?? id))]);
    strings.push(["attribute.run_id", String(attributes.run_id ?? id)], ["attribute.model_id", id]);
    if (attributes.run_id === null)
      strings.splice(
        strings.findIndex(([column]) => column === "attribute.run_id"),
        1,
      );
    table.upsert(id, { numbers, strings, datasets });
  }
  return table;
}
