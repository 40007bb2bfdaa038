import { FOLD_QUEUE } from "../queues.ts";
import { changeRecord, type Draft, type RecordAttributes, readRecord } from "../record.ts";
import type { Workspace } from "../workspace.ts";
import { pointsId } from "./append.ts";
import { compareLatest, fromTuple, joinColumns, type LatestMetrics, toTuple } from "./latest.ts";
import { unpackPoints } from "./points.ts";
import { pointsDocuments } from "./read.ts";

/**
 * A points document may appear with an id up to this long ago: its writer's clock was read before its write, which has a deadline of 10 s, and clocks
 * differ a little. What is younger is not folded yet.
 */
export const SETTLED_AFTER_MS = 60_000;

/** So many unfolded documents make a reader ask for a fold. */
export const FOLD_WORTHWHILE = 100;

export interface FoldMessage {
  readonly workspaceId: string;
  readonly recordId: string;
}

/** Asks for a fold at a time when everything written until now has settled. */
export async function requestFold(workspace: Workspace, recordId: string, delayMs = 0): Promise<void> {
  const message: FoldMessage = { workspaceId: workspace.id, recordId };
  await workspace.stores.queue.send(FOLD_QUEUE, JSON.stringify(message), Math.ceil(delayMs / 1000));
}

/**
 * Joins the settled unfolded points of a run or logged model into its head. May run anywhere, at any time, twice, beside itself and beside
 * writers; losing it loses nothing.
 * @returns how many documents were folded
 */
export async function fold(workspace: Workspace, partition: string): Promise<number> {
  const view = await readRecord<RecordAttributes>(workspace, partition);
  if (view === undefined) return 0;
  const { quiet, foldedTo } = view.attributes;
  const startedMs = workspace.clock.now();
  const { latest, count, lastId, isAll } = await readSettled(workspace, partition, foldedTo);
  const becomesFolded = quiet?.isFolded === false && isAll && startedMs - quiet.sinceMs > SETTLED_AFTER_MS;
  if (count === 0 && !becomesFolded) return 0;
  await changeRecord<RecordAttributes, void>(workspace, partition, (draft) => {
    if (foldInto(draft, latest, lastId)) draft.update({ unsealed: (draft.attributes.unsealed ?? 0) + count });
    const isStillQuiet = draft.attributes.quiet?.sinceMs === quiet?.sinceMs;
    if (becomesFolded && isStillQuiet) draft.update({ quiet: { ...quiet, isFolded: true } });
  });
  return count;
}

async function readSettled(workspace: Workspace, partition: string, after: string | undefined) {
  const settled = pointsId(workspace.clock.now() - SETTLED_AFTER_MS, "");
  const latest: LatestMetrics = new Map();
  let count = 0;
  let lastId = "";
  for await (const page of pointsDocuments(workspace, partition, after)) {
    for (const { item } of page) {
      if (item.id >= settled) return { latest, count, lastId, isAll: false };
      joinColumns(latest, unpackPoints(item.points));
      lastId = item.id;
      count++;
    }
  }
  return { latest, count, lastId, isAll: true };
}

/** Joins latest values into a head, whose documents are folded up to `lastId` then. False when they were already. */
export function foldInto(draft: Draft<RecordAttributes>, latest: LatestMetrics, lastId: string): boolean {
  const metrics = draft.section("metrics");
  for (const [key, point] of latest) {
    const current = metrics.entries.get(key);
    if (current === undefined || compareLatest(point, fromTuple(key, current)) > 0) metrics.set(key, toTuple(point));
  }
  if ((draft.attributes.foldedTo ?? "") >= lastId) return false;
  draft.update({ foldedTo: lastId });
  return true;
}

/** For a run that has ended. */
export function becomeQuiet<A extends RecordAttributes>(draft: Draft<A>, nowMs: number): void {
  if (draft.attributes.quiet === undefined) draft.update({ quiet: { sinceMs: nowMs, isFolded: false } } as Partial<A>);
}

/** For a run that is appended to, or goes on. @returns whether it was quiet */
export function endQuiet<A extends RecordAttributes>(draft: Draft<A>): boolean {
  if (draft.attributes.quiet === undefined) return false;
  draft.update({ quiet: undefined } as Partial<A>);
  return true;
}
