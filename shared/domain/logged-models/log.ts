import { inParallel } from "../../parallel.ts";
import { appendPoints, pointsItem, pointsTime } from "../metrics/append.ts";
import type { Point } from "../metrics/points.ts";
import { getHead } from "../record.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { modelNotFound } from "./models.ts";
import type { ModelAttributes } from "./types.ts";

/** The points of one call that name a logged model, with what is known of it. */
export interface ModelPoints {
  readonly modelId: string;
  readonly scope: string;
  readonly foldedTo: string | undefined;
  readonly points: readonly Point[];
}

/** Whether a point is a logged model's, too. */
export function namesModel({ origin }: Point): boolean {
  return origin?.modelId !== undefined;
}

/**
 * What of a call goes to logged models too, each looked up beside the others.
 * @throws NotFound when a model is unknown
 */
export function findModelPoints(workspace: Workspace, runId: string, points: readonly Point[]): Promise<ModelPoints[]> {
  const byModel = new Map<string, Point[]>();
  for (const point of points) {
    const modelId = point.origin?.modelId;
    if (modelId === undefined) continue;
    const group = byModel.get(modelId) ?? [];
    byModel.set(modelId, group);
    group.push({ ...point, origin: { ...point.origin, runId } });
  }
  return inParallel([...byModel], async ([modelId, group]) => {
    const head = await getHead<ModelAttributes>(workspace, runsPartition(workspace, modelId));
    if (head?.item.attributes.kind !== "model") throw modelNotFound(modelId);
    const { scope, attributes } = head.item;
    return { modelId, scope, foldedTo: attributes.foldedTo, points: group };
  });
}

/** A call that dies when only some of it is written, and is repeated, stores exact duplicates at worst, which readers drop. */
export async function appendModelPoints(
  workspace: Workspace,
  nowMs: number,
  found: readonly ModelPoints[],
): Promise<void> {
  await inParallel(found, ({ modelId, scope, foldedTo, points }) => {
    const item = pointsItem(pointsTime(nowMs, foldedTo), scope, modelId, points);
    return appendPoints(workspace, runsPartition(workspace, modelId), item);
  });
}
