import { invalid } from "../../domain/errors.ts";
import type { Point } from "../../domain/metrics/points.ts";
import { type HistoryPosition, readHistory } from "../../domain/metrics/read.ts";
import { getHead } from "../../domain/record.ts";
import { runNotFound } from "../../domain/runs/runs.ts";
import type { RunAttributes } from "../../domain/runs/types.ts";
import { requireRunId } from "../../domain/validation.ts";
import { runsPartition } from "../../domain/workspace.ts";
import { metricJson } from "../entities.ts";
import { int64, optional, required, string } from "../message.ts";
import { requireMaxResults } from "../paging.ts";
import { okText, route } from "../route.ts";
import { requireRun } from "../run-reference.ts";

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
      max_results: optional(int64),
      page_token: optional(string),
    },
    handle: async ({ workspace, input }) => {
      const runId = requireRun(input);
      requireRunId(runId);
      const limit = input.max_results === undefined ? undefined : requireMaxResults(input.max_results, 1_000_000);
      const after = input.page_token ? readToken(input.page_token, runId, input.metric_key) : undefined;
      const partition = runsPartition(workspace, runId);
      const head = await getHead<RunAttributes>(workspace, partition);
      if (head?.item.attributes.kind !== "run") throw runNotFound(runId);
      const { points, next } = await readHistory(workspace, partition, input.metric_key, limit, after);
      const token = next ? `,"next_page_token":${JSON.stringify(writeToken(next, runId, input.metric_key))}` : "";
      return okText(`{"metrics":[${historyJson(points, input.metric_key, runId)}]${token}}`);
    },
  }),
];

/** Ten times as fast as building objects first, which matters for pages of 25,000 points. */
function historyJson(points: readonly Point[], key: string, runId: string): string {
  const quotedKey = JSON.stringify(key);
  const ending = `,"run_id":${JSON.stringify(runId)}}`;
  const parts = points.map((point) => {
    if (point.origin) return JSON.stringify(metricJson(point, runId));
    const value = Number.isNaN(point.value) ? '"NaN"' : point.value;
    return `{"key":${quotedKey},"value":${value},"timestamp":${point.timestamp},"step":${point.step}${ending}`;
  });
  return parts.join(",");
}

function writeToken({ timestamp, step, value }: HistoryPosition, runId: string, key: string): string {
  const shown = Number.isNaN(value) ? "NaN" : value;
  return Buffer.from(JSON.stringify([runId, key, timestamp, step, shown])).toString("base64url");
}

/** @throws InvalidParameter for a token of another run or metric, and for what is no token */
function readToken(token: string, runId: string, key: string): HistoryPosition {
  try {
    const [tokenRun, tokenKey, timestamp, step, shown] = JSON.parse(Buffer.from(token, "base64url").toString());
    const value = shown === "NaN" ? Number.NaN : shown;
    const isPosition = [timestamp, step, value].every((part) => typeof part === "number");
    if (tokenRun === runId && tokenKey === key && isPosition) return { timestamp, step, value };
  } catch {
    // falls through to the refusal
  }
  throw invalid("Invalid page token: it was not issued for this run and metric.");
}
