import { hash } from "node:crypto";
import type { Item } from "../../stores/document-store.ts";
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
export const POINTS_RANGE = { from: "p-", to: "p." };

/**
 * The document for one log call. Its id is the time and a hash of the content, so that writing it again cannot store it twice; it sorts by
 * the time of the call.
 */
export function pointsItem(nowMs: number, scope: string, recordId: string, points: readonly Point[]): PointsItem {
  const packed = packPoints(points);
  const origins = packed.origins ? JSON.stringify(packed.origins) : "";
  const content = hash("sha256", `${packed.keys.join("\n")}\n${origins}\n${packed.data}`, "hex").slice(0, 24);
  const id = pointsId(nowMs, content);
  return { id, scope, kind: "points", recordId, points: packed };
}

/** Sorts as time does; with an empty `content` it stands before all documents of that millisecond. */
export function pointsId(timeMs: number, content: string): string {
  return `p-${String(timeMs).padStart(13, "0")}-${content}`;
}

/** Writes a points document; finding it written already is success. */
export function appendPoints(workspace: Workspace, partition: string, item: PointsItem): Promise<void> {
  return workspace.stores.documents.runs.ensure(partition, item);
}
