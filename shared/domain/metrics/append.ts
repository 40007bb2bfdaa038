import { hash } from "node:crypto";
import type { Item } from "../../stores/document-store.ts";
import { digits, RECORD, TIME_DIGITS } from "../stored-names.ts";
import type { Workspace } from "../workspace.ts";
import { type PackedPoints, type Point, packPoints } from "./points.ts";

/** What one log call appended to a run or logged model: immutable, until it is sealed into a segment. */
export interface PointsItem extends Item {
  readonly kind: "points";
  /** The run or logged model. */
  readonly recordId: string;
  readonly points: PackedPoints;
}

/** The range of ids of points documents within the partition of a run or logged model. */
export const POINTS_RANGE = RECORD.points.all();

/**
 * The document for one log call. Its id is the time and a hash of the content, so that writing it again cannot store it twice; it sorts by
 * the time of the call.
 * @param timeMs see `pointsTime`
 */
export function pointsItem(timeMs: number, scope: string, recordId: string, points: readonly Point[]): PointsItem {
  const packed = packPoints(points);
  const origins = packed.origins ? JSON.stringify(packed.origins) : "";
  const content = hash("sha256", `${packed.keys.join("\n")}\n${origins}\n${packed.data}`, "hex").slice(0, 24);
  const id = pointsId(timeMs, content);
  return { id, scope, kind: "points", recordId, points: packed };
}

/**
 * When a points document counts as written: now, but never before what is folded already, where nobody looks any more. The clock may have been
 * set back since, or be another machine's.
 * @param foldedTo of the record, read just before
 */
export function pointsTime(nowMs: number, foldedTo: string | undefined): number {
  return foldedTo === undefined ? nowMs : Math.max(nowMs, timeOf(foldedTo) + 1);
}

/** Sorts as time does; with an empty `content` it stands before all documents of that millisecond. */
export function pointsId(timeMs: number, content: string): string {
  return `${RECORD.points.prefix}${digits(timeMs, TIME_DIGITS)}-${content}`;
}

function timeOf(id: string): number {
  return Number(id.slice(POINTS_RANGE.from.length, POINTS_RANGE.from.length + TIME_DIGITS));
}

/** Writes a points document; finding it written already is success. */
export function appendPoints(workspace: Workspace, partition: string, item: PointsItem): Promise<void> {
  return workspace.stores.documents.runs.ensure(partition, item);
}
