import { appendPoints, pointsItem } from "../metrics/append.ts";
import type { Point } from "../metrics/points.ts";
import { getHead } from "../record.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { modelNotFound } from "./models.ts";
import type { ModelAttributes } from "./types.ts";

/**
 * Appends the points that name a logged model to that model, before they go to the run: a call that dies in between and is repeated stores exact
 * duplicates at worst, which readers drop.
 * @throws NotFound when a model is unknown; then nothing is written
 */
export async function appendModelPoints(
  workspace: Workspace,
  runId: string,
  nowMs: number,
  points: readonly Point[],
): Promise<void> {
  const byModel = new Map<string, Point[]>();
  for (const point of points) {
    const modelId = point.origin?.modelId;
    if (modelId === undefined) continue;
    const group = byModel.get(modelId) ?? [];
    byModel.set(modelId, group);
    group.push({ ...point, origin: { ...point.origin, runId } });
  }
  if (byModel.size === 0) return;
  const items = [];
  for (const [modelId, group] of byModel) {
    const partition = runsPartition(workspace, modelId);
    const head = await getHead<ModelAttributes>(workspace, partition);
    if (head?.item.attributes.kind !== "model") throw modelNotFound(modelId);
    items.push({ partition, item: pointsItem(nowMs, head.item.scope, modelId, group) });
  }
  for (const { partition, item } of items) await appendPoints(workspace, partition, item);
}
