import { pointsIngested } from "../../signals.ts";
import { invalid } from "../errors.ts";
import { appendModelPoints, findModelPoints, type ModelPoints, namesModel } from "../logged-models/log.ts";
import { appendPoints, pointsItem, pointsTime } from "../metrics/append.ts";
import { endQuiet, SETTLED_AFTER_MS, suggestFold } from "../metrics/fold.ts";
import type { Point } from "../metrics/points.ts";
import type { Draft } from "../record.ts";
import { checkedParam, checkedTag, type Param, type Tag } from "../tag.ts";
import { cut, invalidValue, LIMITS, requireEntityName, requireLength } from "../validation.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { changeRun, requireActiveRun, setTagIn } from "./runs.ts";
import type { RunAttributes } from "./types.ts";

/** What one call logs; everything is written together, or nothing. */
export interface Batch {
  readonly metrics: readonly Point[];
  readonly params: readonly Param[];
  readonly tags: readonly Tag[];
}

/**
 * Appends one metric value.
 * @throws NotFound, InvalidParameter
 * @see MLflow REST "runs/log-metric"
 */
export async function logMetric(workspace: Workspace, runId: string, point: Point): Promise<void> {
  checkPoint(point, "");
  await append(workspace, runId, [point]);
}

/**
 * Logs metrics, params and tags; the order inside the batch does not matter, except that of two tags of one key the
 * last wins.
 * @throws NotFound, InvalidParameter when a param has another value already: then nothing of the batch is written
 * @see MLflow REST "runs/log-batch"
 */
export async function logBatch(workspace: Workspace, runId: string, batch: Batch): Promise<void> {
  const { metrics, params, tags } = checkedBatch(batch);
  if (params.length === 0 && tags.length === 0) {
    if (metrics.length > 0) await append(workspace, runId, metrics);
    else await requireActiveRun(workspace, runId);
    return;
  }
  await changeWithPoints(workspace, runId, metrics, (draft) => {
    requireParamsUnchanged(draft, params, "batch");
    for (const { key, value } of params) draft.section("params").set(key, value);
    for (const tag of tags) setTagIn(draft, tag);
  });
}

/** Logs one param. Params never change: the same value again is fine, another is refused. */
export async function logParam(workspace: Workspace, runId: string, param: Param): Promise<void> {
  const checked = checkedParam(param);
  await changeRun(workspace, runId, (draft) => {
    requireParamsUnchanged(draft, [checked], "single");
    draft.section("params").set(checked.key, checked.value);
  });
}

async function append(workspace: Workspace, runId: string, points: readonly Point[]): Promise<void> {
  const ofModels = points.some(namesModel) ? findModelPoints(workspace, runId, points) : undefined;
  // If the run is not there either, that is what is answered; this error waits until then.
  ofModels?.catch(() => undefined);
  const { scope, attributes } = await requireActiveRun(workspace, runId);
  if (attributes.quiet) return changeWithPoints(workspace, runId, points, () => {});
  const found = ofModels && (await ofModels);
  const nowMs = workspace.clock.now();
  const item = pointsItem(pointsTime(nowMs, attributes.foldedTo), scope, runId, points);
  const appending = appendPoints(workspace, runsPartition(workspace, runId), item);
  await (found ? Promise.all([appendModelPoints(workspace, nowMs, found), appending]) : appending);
  pointsIngested.tell({ points: points.length });
}

/** Edits the run and appends points, both or nothing. Points of a run that had ended have it folded once more. */
async function changeWithPoints(
  workspace: Workspace,
  runId: string,
  points: readonly Point[],
  edit: (draft: Draft<RunAttributes>) => void,
): Promise<void> {
  let nowMs = 0;
  let timeMs = 0;
  let ofModels: ModelPoints[] = [];
  const change = async (draft: Draft<RunAttributes>) => {
    edit(draft);
    ofModels = await findModelPoints(workspace, runId, points);
    // The clock is read as late as can be: a points document that appears more than a minute after its time is missed.
    nowMs = workspace.clock.now();
    timeMs = pointsTime(nowMs, draft.attributes.foldedTo);
    return points.length > 0 && endQuiet(draft);
  };
  const wasQuiet = await changeRun(workspace, runId, change, {
    alongside: points.length > 0 ? (scope) => pointsItem(timeMs, scope, runId, points) : undefined,
    ready: () => appendModelPoints(workspace, nowMs, ofModels),
  });
  if (points.length > 0) pointsIngested.tell({ points: points.length });
  if (wasQuiet) await suggestFold(workspace, runId, SETTLED_AFTER_MS + 1000);
}

function requireParamsUnchanged(draft: Draft<RunAttributes>, params: readonly Param[], call: "single" | "batch"): void {
  const logged = draft.section("params").entries;
  const changed = params
    .filter(({ key, value }) => (logged.get(key) ?? value) !== value)
    .map(({ key, value }) => ({ key, old_value: logged.get(key), new_value: value }));
  if (changed.length === 0) return;
  const runId = draft.attributes.runId;
  const [first] = changed;
  throw invalid(
    call === "single"
      ? `Changing param values is not allowed. Param with key='${first!.key}' was already logged with ` +
          `value='${cut(first!.old_value!)}' for run ID='${runId}'. Attempted logging new value '${cut(first!.new_value)}'.`
      : `Changing param values is not allowed. Params were already logged='${cut(JSON.stringify(changed))}' for run ID='${runId}'.`,
  );
}

function checkedBatch(batch: Batch): Batch {
  const { metrics, params, tags } = batch;
  requireCount("metrics", metrics.length, LIMITS.metricsPerBatch);
  requireCount("params", params.length, LIMITS.paramsPerBatch);
  requireCount("tags", tags.length, LIMITS.tagsPerBatch);
  requireCount("metrics, params, and tags", metrics.length + params.length + tags.length, LIMITS.entitiesPerBatch);
  requireDistinctKeys(params);
  checkPoints(metrics);
  return {
    metrics,
    params: params.map((param, i) => checkedParam(param, `params[${i}]`)),
    tags: tags.map((tag, i) => checkedTag(tag, `tags[${i}]`)),
  };
}

/**
 * Names repeat within a batch, so each is checked once. A point is checked on its own where more than its name can be
 * wrong.
 */
function checkPoints(points: readonly Point[]): void {
  const seen = new Set<string>();
  for (let i = 0; i < points.length; i++) {
    const point = points[i]!;
    if (point.timestamp < 0 || point.origin || !seen.has(point.key)) checkPoint(point, `metrics[${i}].`);
    seen.add(point.key);
  }
}

function checkPoint(point: Point, prefix: string): void {
  requireEntityName(`${prefix}name`, point.key);
  requireLength("Metric name", point.key, LIMITS.key);
  requireLength("dataset_name", point.origin?.datasetName ?? "", LIMITS.datasetName);
  requireLength("dataset_digest", point.origin?.datasetDigest ?? "", LIMITS.datasetDigest);
  if (point.timestamp < 0) {
    throw invalidValue(
      `${prefix}timestamp`,
      point.timestamp,
      `metric '${point.key}' (value=${point.value}). Timestamp must be a nonnegative long (64-bit integer) `,
    );
  }
}

function requireDistinctKeys(params: readonly Param[]): void {
  const seen = new Set<string>();
  const twice = params.filter(({ key }) => seen.size === seen.add(key).size).map(({ key }) => key);
  if (twice.length === 0) return;
  throw invalid(
    `Duplicate parameter keys have been submitted: ${cut(JSON.stringify(twice))}. Please ensure the request contains only one param ` +
      "value per param key.",
  );
}

function requireCount(entities: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw invalid(
    `A batch logging request can contain at most ${limit} ${entities}. Got ${count} ${entities}. Please split up ${entities} ` +
      "across multiple requests and try again.",
  );
}
