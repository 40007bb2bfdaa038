import type { MetricClause, MetricOrder, ModelSearch } from "../../domain/logged-models/search.ts";
import type { Clause, NumberOperator } from "../../domain/search/clauses.ts";
import { searchableExperimentId } from "../../domain/search/experiment-id.ts";
import type { OrderKey } from "../../domain/search/order.ts";
import { type Comparison, type ComparisonValue, parseComparisons } from "./comparisons.ts";
import { numberClause, requireComparator, stringClause } from "./conditions.ts";
import { FilterError, MAX_ORDER_KEYS } from "./filter-error.ts";
import { isName, type SplitName, splitName } from "./identifier.ts";
import { pythonList, pythonTuple } from "./python-text.ts";
import { isStringLiteral, unquote } from "./quoting.ts";
import { parseStringList } from "./string-list.ts";
import { LOGGED_MODELS_WORDING } from "./wording.ts";

/** One `order_by` entry as it comes from the client. */
export interface LoggedModelOrderBy {
  readonly field_name: string;
  readonly ascending?: boolean;
  readonly dataset_name?: string;
  readonly dataset_digest?: string;
}

export type LoggedModelOrder = OrderKey | MetricOrder;

const ENTITIES = ["attributes", "metrics", "params", "tags"];
const TIMES: ReadonlyMap<string, string> = new Map([
  ["creation_time", "creation_timestamp"],
  ["creation_timestamp", "creation_timestamp"],
  ["creation_timestamp_ms", "creation_timestamp"],
  ["last_updated_time", "last_updated_timestamp"],
  ["last_updated_timestamp", "last_updated_timestamp"],
  ["last_updated_timestamp_ms", "last_updated_timestamp"],
]);
const TEXTS = ["name", "model_id", "model_type", "status", "source_run_id", "experiment_id"];
const ATTRIBUTES = [...TEXTS, ...TIMES.keys()];
/** Clients write statuses in the Python client's form or in the API's. */
const STATUSES: ReadonlyMap<string, string> = new Map([
  ["PENDING", "LOGGED_MODEL_PENDING"],
  ["READY", "LOGGED_MODEL_READY"],
  ["FAILED", "LOGGED_MODEL_UPLOAD_FAILED"],
]);

/**
 * Parses the `filter` of logged-models/search. Columns: `attribute.` name, model_id, status (LOGGED_MODEL_…), model_type, source_run_id,
 * experiment_id (as `searchableExperimentId` makes it), creation_timestamp, last_updated_timestamp; `param.<key>`, `tag.<key>`.
 * @throws FilterError
 */
export function parseLoggedModelFilter(filter: string | undefined): ModelSearch["filter"] {
  const clauses: Clause[] = [];
  const metricClauses: MetricClause[] = [];
  for (const comparison of parseComparisons(filter, LOGGED_MODELS_WORDING)) {
    const field = fieldOf(comparison, filter!);
    if (field.entity === "metrics") metricClauses.push(metricClause(field.key, comparison));
    else clauses.push(modelClause(field, comparison));
  }
  return { clauses, metricClauses };
}

/**
 * Parses the `order_by` of logged-models/search. Models equal in all keys are ordered by creation, newest first, then by id.
 * @throws FilterError
 */
export function parseLoggedModelOrder(orderBy: readonly LoggedModelOrderBy[] | undefined): LoggedModelOrder[] {
  if (orderBy && orderBy.length > MAX_ORDER_KEYS) {
    throw new FilterError(`order_by may have at most ${MAX_ORDER_KEYS} clauses.`);
  }
  const keys = (orderBy ?? []).map(orderKey);
  const has = (column: string): boolean => keys.some((key) => "column" in key && key.column === column);
  if (!has("attribute.creation_timestamp")) {
    keys.push({ kind: "number", column: "attribute.creation_timestamp", descending: true });
  }
  if (!has("attribute.model_id")) keys.push({ kind: "string", column: "attribute.model_id", descending: false });
  return keys;
}

interface ModelField {
  readonly entity: string;
  readonly key: string;
}

function fieldOf({ left }: Comparison, filter: string): ModelField {
  if (!isName(left)) throw new FilterError(LOGGED_MODELS_WORDING.invalidClauses(filter, [left.text]));
  const { entity, key }: SplitName = splitName(left);
  if (entity !== undefined && !ENTITIES.includes(entity)) {
    throw new FilterError(`Invalid entity type: '${entity}'. Expected one of ${pythonList(ENTITIES)}.`);
  }
  if ((entity ?? "attributes") === "attributes" && !ATTRIBUTES.includes(key)) {
    throw new FilterError(`Invalid attribute key '${key}' specified. Valid keys are ${pythonList(ATTRIBUTES)}`);
  }
  return { entity: entity ?? "attributes", key };
}

function metricClause(key: string, comparison: Comparison): MetricClause {
  requireOperator({ entity: "metrics", key }, comparison.comparator, NUMBER_OPERATORS);
  return { key, op: comparison.comparator as NumberOperator, value: numberOf(key, comparison) };
}

const NUMBER_OPERATORS = ["<", "<=", ">", ">=", "=", "!="];
const STRING_OPERATORS = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];

function modelClause(field: ModelField, comparison: Comparison): Clause {
  const { comparator } = comparison;
  const time = field.entity === "attributes" ? TIMES.get(field.key) : undefined;
  if (time !== undefined) {
    requireOperator(field, comparator, NUMBER_OPERATORS);
    return numberClause(`attribute.${time}`, comparator, numberOf(field.key, comparison));
  }
  requireOperator(field, comparator, STRING_OPERATORS);
  const value = stringsOf(comparison);
  return stringClause(
    columnOf(field),
    comparator,
    typeof value === "string" ? stored(field, value) : value.map((item) => stored(field, item)),
  );
}

function requireOperator(field: ModelField, comparator: string, operators: readonly string[]): void {
  requireComparator(comparator, operators, () => {
    const expected = pythonTuple(operators);
    return `Invalid comparison operator for ${field.entity}.${field.key}: '${comparator}'. Expected one of ${expected}.`;
  });
}

function numberOf(key: string, { value }: Comparison): number {
  if (value?.kind === "number") return Number(value.text);
  throw new FilterError(`Expected a number to compare '${key}' with. Found ${value?.text}`);
}

/** Values may also stand without quotes here. */
function stringsOf(comparison: Comparison): string | readonly string[] {
  const { text, kind } = comparison.value as ComparisonValue;
  const needsList = comparison.comparator === "IN" || comparison.comparator === "NOT IN";
  if (kind === "list" && needsList) return parseStringList(text);
  if (kind === "list") throw new FilterError(`A list needs IN or NOT IN, not '${comparison.comparator}'.`);
  return isStringLiteral(text) ? unquote(text) : text;
}

function columnOf({ entity, key }: ModelField): string {
  if (entity === "params") return `param.${key}`;
  return entity === "tags" ? `tag.${key}` : `attribute.${key}`;
}

/** A value in the form that the column holds. */
function stored({ entity, key }: ModelField, value: string): string {
  if (entity !== "attributes") return value;
  if (key === "status") return STATUSES.get(value) ?? value;
  return key === "experiment_id" ? searchableExperimentId(value) : value;
}

function orderKey(order: LoggedModelOrderBy): LoggedModelOrder {
  if (!order.field_name) throw new FilterError("`field_name` in the `order_by` clause must be specified.");
  const descending = order.ascending === false;
  const dot = order.field_name.indexOf(".");
  if (dot >= 0) return metricOrderKey(order, dot, descending);
  const field = order.field_name.trim();
  const time = TIMES.get(field);
  if (time !== undefined) return { kind: "number", column: `attribute.${time}`, descending };
  if (TEXTS.includes(field)) return { kind: "string", column: `attribute.${field}`, descending };
  throw new FilterError(`Invalid order by field name: ${field}`);
}

function metricOrderKey(order: LoggedModelOrderBy, dot: number, descending: boolean): MetricOrder {
  const entity = order.field_name.slice(0, dot);
  if (entity !== "metrics") {
    throw new FilterError(`Invalid order by field name: ${order.field_name}. Only metrics are supported.`);
  }
  return {
    kind: "metric",
    key: order.field_name.slice(dot + 1),
    descending,
    ...(order.dataset_name && { datasetName: order.dataset_name }),
    ...(order.dataset_digest && { datasetDigest: order.dataset_digest }),
  };
}
