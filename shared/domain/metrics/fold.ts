import { StoreError } from "../../stores/errors.ts";
import { FOLD_QUEUE } from "../queues.ts";
import { changeRecord, type Draft, readRecord } from "../record.ts";
import type { Quiet, RecordAttributes } from "../record-shape.ts";
import type { Workspace } from "../workspace.ts";
import { pointsId } from "./append.ts";
import { compareLatest, fromTuple, joinColumns, type LatestMetrics, toTuple } from "./latest.ts";
import { unpackPoints } from "./points.ts";
import { pointsDocuments } from "./read.ts";

/**
 * A points document may appear with an id up to this long ago: its writer's clock was read before its write, which has
 * a deadline of 10 s, and clocks differ a little. What is younger is not folded yet.
 */
export const SETTLED_AFTER_MS = 60_000;

/** So many unfolded documents make a reader ask for a fold. */
export const FOLD_WORTHWHILE = 100;

/** Asks for a fold at a time when everything written until now has settled. */
export async function requestFold(workspace: Workspace, recordId: string, delayMs = 0): Promise<void> {
  await FOLD_QUEUE.send(workspace, { workspaceId: workspace.id, recordId }, Math.ceil(delayMs / 1000));
}

/**
 * The same for callers whose own work is done: they do not fail because the queue takes no message. Readers ask for a
 * fold again.
 */
export async function suggestFold(workspace: Workspace, recordId: string, delayMs = 0): Promise<void> {
  try {
    await requestFold(workspace, recordId, delayMs);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
}

/**
 * Joins the settled unfolded points of a run or logged model into its head. May run anywhere, at any time, twice,
 * beside itself and beside writers; losing it loses nothing.
 * @returns how many documents were folded
 */
export async function fold(workspace: Workspace, partition: string): Promise<number> {
  const view = await readRecord<RecordAttributes>(workspace, partition);
  if (view === undefined) return 0;
  const { quiet, foldedTo } = view.attributes;
  const becomesFolded = quiet?.isFolded === false && isComplete(quiet, workspace.clock.now());
  // After this fold nobody looks for points documents any more, so it takes all that are left.
  const range = becomesFolded ? {} : { after: foldedTo, before: settledBefore(workspace) };
  const { latest, count, points, lastId } = await readUnfolded(workspace, partition, foldedTo, range);
  if (count === 0 && !becomesFolded) return 0;
  const isFolded = await changeRecord<RecordAttributes, boolean>(workspace, partition, (draft) => {
    if (becomesFolded && !isStillQuiet(draft, quiet)) return false;
    if (foldInto(draft, latest, lastId))
      draft.update({ unsealed: (draft.attributes.unsealed ?? 0) + weight(count, points) });
    if (becomesFolded) draft.update({ quiet: { ...quiet, isFolded: true } });
    return true;
  });
  return isFolded ? count : 0;
}

/** How much waits to be sealed: 1 for each document, and 1 more for each hundred points. */
export function weight(documents: number, points: number): number {
  return documents + Math.floor(points / 100);
}

/** No points document appears any more with an id below this one. */
export function settledBefore({ clock }: Workspace): string {
  return pointsId(clock.now() - SETTLED_AFTER_MS, "");
}

/**
 * Whether every points document of a quiet record has appeared, whatever its id: clocks may have been set, or differ.
 */
export function isComplete(quiet: Quiet | undefined, nowMs: number): boolean {
  return quiet !== undefined && nowMs - quiet.sinceMs > SETTLED_AFTER_MS;
}

/** Whether nobody has appended since the record was found quiet. */
export function isStillQuiet(draft: Draft<RecordAttributes>, quiet: Quiet | undefined): boolean {
  return draft.attributes.quiet?.sinceMs === quiet?.sinceMs;
}

/**
 * Reads the documents between two ids, and joins their points to latest values.
 * @returns `count`: how many of them were not folded; `points`: in those
 */
async function readUnfolded(
  workspace: Workspace,
  partition: string,
  foldedTo: string | undefined,
  range: { readonly after?: string; readonly before?: string },
) {
  const latest: LatestMetrics = new Map();
  let count = 0;
  let points = 0;
  let lastId = "";
  for await (const page of pointsDocuments(workspace, partition, range.after)) {
    for (const { item } of page) {
      if (range.before !== undefined && item.id >= range.before) return { latest, count, points, lastId };
      joinColumns(latest, unpackPoints(item.points));
      lastId = item.id;
      if (item.id <= (foldedTo ?? "")) continue;
      count++;
      points += item.points.count;
    }
  }
  return { latest, count, points, lastId };
}

/**
 * Joins latest values into a head, and notes in it that documents are folded up to `lastId`. False when it said so
 * already.
 */
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

/**
 * Marks a run that has ended: nobody is expected to append to it. A mark with a time to come, since the clock has been
 * set back, is replaced.
 */
export function becomeQuiet<A extends RecordAttributes>(draft: Draft<A>, nowMs: number): void {
  const { quiet } = draft.attributes;
  if (quiet === undefined || (quiet.sinceMs > nowMs && !quiet.isFolded))
    draft.update({ quiet: { sinceMs: nowMs, isFolded: false } } as Partial<A>);
}

/** Takes the mark away, when a run is appended to or goes on. @returns whether it was there */
export function endQuiet<A extends RecordAttributes>(draft: Draft<A>): boolean {
  if (draft.attributes.quiet === undefined) return false;
  draft.update({ quiet: undefined } as Partial<A>);
  return true;
}
