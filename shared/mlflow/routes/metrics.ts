import { invalid } from "../../domain/errors.ts";
import { type Int64, int64From, storedInt64 } from "../../domain/int64.ts";
import { EVERY_STEP, type StepRange, sampleHistories } from "../../domain/metrics/charts.ts";
import type { HistoryPosition } from "../../domain/metrics/order.ts";
import type { Point } from "../../domain/metrics/points.ts";
import { readHistory, readWholeHistory } from "../../domain/metrics/read.ts";
import { runNotFound } from "../../domain/runs/runs.ts";
import { requireRunId } from "../../domain/validation.ts";
import { runsPartition } from "../../domain/workspace.ts";
import type { AppResponse } from "../../http/types.ts";
import { metricJson } from "../entities.ts";
import { int64, integer, list, optional, required, string, withDefault } from "../message.ts";
import { firstOfPage, requireMaxResults } from "../paging.ts";
import { okStream, okText, route } from "../route.ts";
import { requireRun } from "../run-reference.ts";

/** What MLflow's page asks for at most, for each run and in runs. */
const MAX_SAMPLED = 2500;
const MAX_RUNS = 100;
/** Of all runs together, for whom wants every point. */
const MAX_HISTORY = 25_000;
/** More than fit into a page, however short each is. */
const MAX_PAGE_POINTS = 100_000;

export const metricRoutes = [
  route({
    name: "metrics_get_history",
    method: "GET",
    path: "2.0/mlflow/metrics/get-history",
    permission: "read",
    request: {
      run_id: optional(string),
      run_uuid: optional(string),
      metric_key: required(string),
      max_results: optional(integer),
      page_token: optional(string),
    },
    handle: async ({ workspace, input }) => {
      const runId = requireRun(input);
      requireRunId(runId);
      const limit = input.max_results === undefined ? undefined : requireMaxResults(input.max_results, 1_000_000);
      const after = input.page_token ? readToken(input.page_token, runId, input.metric_key) : undefined;
      const partition = runsPartition(workspace, runId);
      const key = input.metric_key;
      if (limit === undefined) {
        const whole = await readWholeHistory(workspace, partition, key, after);
        if (whole?.kind !== "run") throw runNotFound(runId);
        return wholeHistory(whole.pieces, key, runId);
      }
      const history = await readHistory(workspace, partition, key, Math.min(limit, MAX_PAGE_POINTS), after);
      if (history?.kind !== "run") throw runNotFound(runId);
      const { points } = history;
      const texts = firstOfPage(pointTexts(points, key, runId));
      const next = texts.length < points.length ? points[texts.length - 1] : history.next;
      const token = next ? `,"next_page_token":${JSON.stringify(writeToken(next, runId, key))}` : "";
      return okText(`{"metrics":[${texts.join(",")}]${token}}`);
    },
  }),
  route({
    name: "metrics_get_history_bulk",
    method: "GET",
    path: "2.0/mlflow/metrics/get-history-bulk",
    surface: "page",
    permission: "read",
    request: {
      run_id: required(list(string)),
      metric_key: required(string),
      max_results: withDefault(integer, MAX_HISTORY),
    },
    handle: async ({ workspace, input }) => {
      const runIds = [...new Set(input.run_id)].sort();
      requireFewRuns("GetMetricHistoryBulk", input.run_id);
      let left = Math.min(requireMaxResults(input.max_results, Number.MAX_SAFE_INTEGER), MAX_HISTORY);
      const metrics: string[] = [];
      for (const runId of runIds) {
        if (left === 0) break;
        const history = await readHistory(workspace, runsPartition(workspace, runId), input.metric_key, left);
        if (history?.kind !== "run") throw runNotFound(runId);
        left -= history.points.length;
        if (history.points.length > 0) metrics.push(historyJson(history.points, input.metric_key, runId));
      }
      return okText(`{"metrics":[${metrics.join(",")}]}`);
    },
  }),
  route({
    name: "metrics_get_history_bulk_interval",
    method: "GET",
    path: "2.0/mlflow/metrics/get-history-bulk-interval",
    permission: "read",
    request: {
      run_ids: required(list(string)),
      metric_key: required(string),
      start_step: optional(int64),
      end_step: optional(int64),
      max_results: withDefault(integer, MAX_SAMPLED),
    },
    handle: async ({ workspace, input }) => {
      const steps = stepRange(input.start_step, input.end_step);
      requireFewRuns("GetMetricHistoryBulkInterval", input.run_ids);
      const wanted = requireMaxResults(input.max_results, MAX_SAMPLED);
      const runIds = [...new Set(input.run_ids)];
      const partitions = runIds.map((runId) => runsPartition(workspace, runId));
      const histories = await sampleHistories(workspace, partitions, input.metric_key, wanted, steps);
      const metrics = runIds.map((runId, i) => {
        const points = histories[i];
        if (!points) throw runNotFound(runId);
        return historyJson(points, input.metric_key, runId);
      });
      return okText(`{"metrics":[${metrics.filter((text) => text !== "").join(",")}]}`);
    },
  }),
];

/** @throws InvalidParameter */
function requireFewRuns(request: string, runIds: readonly string[]): void {
  for (const runId of runIds) requireRunId(runId);
  if (runIds.length <= MAX_RUNS) return;
  throw invalid(`${request} request must specify at most ${MAX_RUNS} run_ids. Received ${runIds.length} run_ids.`);
}

/** @throws InvalidParameter when only one end is given, or the ends are the wrong way round */
function stepRange(from: Int64 | undefined, to: Int64 | undefined): StepRange {
  if ((from === undefined) !== (to === undefined)) {
    throw invalid("If either start step or end step are specified, both must be specified.");
  }
  if (from === undefined || to === undefined) return EVERY_STEP;
  if (from <= to) return { from, to };
  throw invalid(`end_step must be greater than start_step. Found start_step=${from} and end_step=${to}.`);
}

/** A history of one piece is sent as it is; a longer one is sent as it is read, so that no more than a piece of it is in memory. */
async function wholeHistory(pieces: AsyncIterable<readonly Point[]>, key: string, runId: string): Promise<AppResponse> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await iterator.next();
  const second = first.done ? first : await iterator.next();
  const begun = `{"metrics":[${first.done ? "" : historyJson(first.value, key, runId)}`;
  if (second.done) return okText(`${begun}]}`);
  async function* text(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(begun);
    for (let piece = second; !piece.done; piece = await iterator.next()) {
      yield Buffer.from(`,${historyJson(piece.value, key, runId)}`);
    }
    yield Buffer.from("]}");
  }
  return okStream(text());
}

/** Ten times as fast as building objects first, which matters for pages of 25,000 points. */
function pointTexts(points: readonly Point[], key: string, runId: string): string[] {
  const quotedKey = JSON.stringify(key);
  const ending = `,"run_id":${JSON.stringify(runId)}}`;
  return points.map((point) => {
    if (point.origin) return JSON.stringify(metricJson(point, runId));
    const value = Number.isNaN(point.value) ? '"NaN"' : point.value;
    return `{"key":${quotedKey},"value":${value},"timestamp":${point.timestamp},"step":${point.step}${ending}`;
  });
}

function historyJson(points: readonly Point[], key: string, runId: string): string {
  return pointTexts(points, key, runId).join(",");
}

function writeToken({ timestamp, step, value }: HistoryPosition, runId: string, key: string): string {
  const shown = Number.isNaN(value) ? "NaN" : value;
  return Buffer.from(JSON.stringify([runId, key, storedInt64(timestamp), storedInt64(step), shown])).toString(
    "base64url",
  );
}

/** @throws InvalidParameter for a token of another run or metric, and for what is no token */
function readToken(token: string, runId: string, key: string): HistoryPosition {
  try {
    const [tokenRun, tokenKey, timestamp, step, shown] = JSON.parse(Buffer.from(token, "base64url").toString());
    const value = shown === "NaN" ? Number.NaN : shown;
    const after = { timestamp: int64From(timestamp), step: int64From(step), value };
    if (tokenRun === runId && tokenKey === key && typeof value === "number") return after;
  } catch {
    // falls through to the refusal
  }
  throw invalid("Invalid page token: it was not issued for this run and metric.");
}
