import type { Clause } from "../../domain/search/clauses.ts";
import type { OrderKey } from "../../domain/search/order.ts";
import { type Comparison, type ComparisonValue, parseComparisons } from "./comparisons.ts";
import {
  entityString,
  hasValue,
  NULL_COMPARATORS,
  NUMBER_COMPARATORS,
  notOneOf,
  numberClause,
  PATTERN_COMPARATORS,
  presenceClause,
  requireComparator,
  STRING_COMPARATORS,
  stringClause,
  stringCondition,
  stringOrList,
} from "./conditions.ts";
import { FilterError } from "./filter-error.ts";
import { nameOf, type SplitName, splitName } from "./identifier.ts";
import { orderKeys, orderTerms } from "./order-terms.ts";
import { pythonList, pythonSet } from "./python-text.ts";
import { RUNS_WORDING } from "./wording.ts";

type Entity = "metric" | "parameter" | "tag" | "attribute" | "dataset";
type DatasetField = "name" | "digest" | "context";

interface RunField {
  readonly entity: Entity;
  readonly key: string;
}

const ENTITIES: ReadonlyMap<string, Entity> = new Map([
  ...["metric", "metrics"].map((name) => [name, "metric"] as const),
  ...["parameter", "parameters", "param", "params"].map((name) => [name, "parameter"] as const),
  ...["tag", "tags"].map((name) => [name, "tag"] as const),
  ...["attribute", "attributes", "attr", "run"].map((name) => [name, "attribute"] as const),
  ...["dataset", "datasets"].map((name) => [name, "dataset"] as const),
]);
const ENTITY_NAMES = ["metric", "parameter", "tag", "attribute", "dataset"];

const NUMBER_ATTRIBUTES = new Set(["start_time", "end_time"]);
const ATTRIBUTES = ["run_id", "run_name", "user_id", "status", "artifact_uri", "start_time", "end_time"];
const TIME_ALIASES = ["created", "Created"];
const NAME_ALIASES = ["run name", "Run name", "Run Name"];
const SEARCHABLE = [...ATTRIBUTES, ...TIME_ALIASES, ...NAME_ALIASES];
const ORDERABLE = [...ATTRIBUTES, ...TIME_ALIASES];
const DATASET_FIELDS: readonly string[] = ["name", "digest", "context"];
const RUN_NAME_COLUMN = "tag.mlflow.runName";
const NULLABLE_COMPARATORS = [...PATTERN_COMPARATORS, ...NULL_COMPARATORS];

/**
 * Parses the `filter` of runs/search. Columns: `attribute.` run_id, user_id, status, artifact_uri, start_time, end_time; `metric.<key>`,
 * `param.<key>`, `tag.<key>`; the run's name is the tag mlflow.runName.
 * @throws FilterError
 */
export function parseRunFilter(filter: string | undefined): Clause[] {
  return parseComparisons(filter, RUNS_WORDING).map(runClause);
}

/**
 * Parses the `order_by` of runs/search. Unless asked otherwise, runs equal in all keys are ordered by start time, newest first; the
 * search itself orders what is still equal by id.
 * @throws FilterError
 */
export function parseRunOrder(orderBy: readonly string[] | undefined): OrderKey[] {
  const keys = orderKeys(orderBy, orderTerms(orderBy), ({ name }) => {
    const field = fieldOf(name, ORDERABLE);
    if (field.entity === "dataset") throw new FilterError("Invalid identifier type 'dataset'");
    return { kind: isNumber(field) ? "number" : "string", column: columnOf(field) };
  });
  const startTime = "attribute.start_time";
  if (keys.some((key) => key.column === startTime)) return keys;
  return [...keys, { kind: "number", column: startTime, descending: true }];
}

function runClause(comparison: Comparison): Clause {
  const field = fieldOf(splitName(nameOf(comparison)), SEARCHABLE);
  if (!hasValue(comparison)) return nullClause(field, comparison);
  const { comparator, value } = comparison;
  switch (field.entity) {
    case "metric":
      return metricClause(field, comparator, value);
    case "parameter":
    case "tag": {
      const text = entityString(value, field.entity);
      requireComparator(comparator, NULLABLE_COMPARATORS, () => notOneOf(comparator, NULLABLE_COMPARATORS));
      return stringClause(columnOf(field), comparator, text);
    }
    case "attribute":
      return isNumber(field) ? timeClause(field, comparator, value) : stringAttributeClause(field, comparison);
    case "dataset":
      return datasetClause(field.key as DatasetField, comparison);
  }
}

function nullClause(field: RunField, comparison: Comparison): Clause {
  if (field.entity === "tag" || field.entity === "parameter") return presenceClause(columnOf(field), comparison);
  throw new FilterError(
    `IS NULL / IS NOT NULL is only supported for tags and params, not for '${field.entity}' '${field.key}'`,
  );
}

function metricClause(field: RunField, comparator: string, value: ComparisonValue): Clause {
  if (value.kind !== "number") throw new FilterError(`Expected numeric value type for metric. Found ${value.text}`);
  requireComparator(comparator, NUMBER_COMPARATORS, () => notOneOf(comparator, NUMBER_COMPARATORS));
  return numberClause(columnOf(field), comparator, Number(value.text));
}

function timeClause(field: RunField, comparator: string, value: ComparisonValue): Clause {
  if (value.kind !== "number") {
    throw new FilterError(`Expected numeric value type for numeric attribute: ${field.key}. Found ${value.text}`);
  }
  requireComparator(comparator, NUMBER_COMPARATORS, () => notOneOf(comparator, NUMBER_COMPARATORS));
  return numberClause(columnOf(field), comparator, Number(value.text));
}

function stringAttributeClause(field: RunField, comparison: Comparison & { readonly value: ComparisonValue }): Clause {
  if (comparison.value.kind === "list" && field.key !== "run_id") {
    throw new FilterError("Only ['run_id'] attributes support comparison with a list of quoted string values.");
  }
  const value = stringOrList(
    comparison,
    ({ text }) => `Expected a quoted string value for attributes. Got value ${text}`,
  );
  requireComparator(comparison.comparator, STRING_COMPARATORS, () =>
    notOneOf(comparison.comparator, STRING_COMPARATORS),
  );
  return stringClause(columnOf(field), comparison.comparator, value);
}

function datasetClause(field: DatasetField, comparison: Comparison & { readonly value: ComparisonValue }): Clause {
  const value = stringOrList(
    comparison,
    ({ text }) => `Expected a quoted string value for dataset attributes. Got value ${text}`,
  );
  requireComparator(comparison.comparator, STRING_COMPARATORS, () =>
    notOneOf(comparison.comparator, STRING_COMPARATORS),
  );
  return { kind: "dataset", field, ...stringCondition(comparison.comparator, value) };
}

function fieldOf({ entity: written, key }: SplitName, attributes: readonly string[]): RunField {
  const entity = written === undefined ? "attribute" : entityOf(written);
  if (entity === "attribute" && !attributes.includes(key)) {
    throw new FilterError(`Invalid attribute key '${key}' specified. Valid keys are '${pythonSet(attributes)}'`);
  }
  if (entity === "dataset" && !DATASET_FIELDS.includes(key)) {
    throw new FilterError(`Invalid dataset key '${key}' specified. Valid keys are '${pythonSet(DATASET_FIELDS)}'`);
  }
  return { entity, key };
}

function entityOf(written: string): Entity {
  const name = written.startsWith("`") ? written.slice(1, -1) : written;
  const entity = ENTITIES.get(name);
  if (!entity) throw new FilterError(`Invalid entity type '${name}'. Valid values are ${pythonList(ENTITY_NAMES)}`);
  return entity;
}

function columnOf({ entity, key }: RunField): string {
  if (entity === "parameter") return `param.${key}`;
  if (entity !== "attribute") return `${entity}.${key}`;
  if (key === "run_name" || NAME_ALIASES.includes(key)) return RUN_NAME_COLUMN;
  return TIME_ALIASES.includes(key) ? "attribute.start_time" : `attribute.${key}`;
}

const isNumber = (field: RunField): boolean =>
  field.entity === "metric" ||
  (field.entity === "attribute" && (NUMBER_ATTRIBUTES.has(field.key) || TIME_ALIASES.includes(field.key)));
