import type { Item, Stored } from "../../stores/document-store.ts";
import { modelsScope } from "../logged-models/models.ts";
import { removeDocuments } from "../metrics/read.ts";
import { optimistically } from "../optimistic.ts";
import { renewRunSnapshot } from "../runs/run-snapshot.ts";
import { runsScope } from "../runs/runs.ts";
import { HEAD_ID } from "../stored-names.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { buryDeletedExperiment, buryDeletedRecord, buryRecord } from "./bury.ts";
import { removeFiles } from "./files.ts";
import {
  changePurge,
  findPurge,
  forgetPurge,
  MAX_HELD_FOLDERS,
  notePurge,
  type PurgeKind,
  SWEEP_AGAIN_SECONDS,
  type SweepProgress,
} from "./notes.ts";
import { type Slice, SliceEnded } from "./slice.ts";

const REMOVALS_AT_ONCE = 100;

/**
 * Does the work of a purge: safe to run twice, at any time, and from any point where an earlier attempt died. What was restored before the
 * purge took hold stays.
 * @returns whether another sweep should follow
 * @throws SliceEnded when more is to be done at once
 */
export async function continuePurge(workspace: Workspace, what: PurgeKind, id: string, slice: Slice): Promise<boolean> {
  const note = await findPurge(workspace, what, id);
  if (!note) return false;
  const bury = what === "experiment" ? buryDeletedExperiment : buryDeletedRecord;
  if (await bury(workspace, id, note.item.deletion)) {
    if (what === "experiment") {
      await sweepRecordsOf(workspace, id, slice, {
        isFirst: note.item.firstSweepMs === undefined,
        from: note.item.progress,
        save: async (progress) => void (await changePurge(workspace, note, { progress })),
      });
    } else await removeRecordDocuments(workspace, id, slice);
    const held = await removeFiles(workspace, note.item.prefixes, slice);
    if (!(await wasLastSweep(workspace, workspace.id, note))) return true;
    if (note.item.experimentId !== undefined) await renewRunSnapshot(workspace, note.item.experimentId);
    if (what !== "experiment" && held.length > 0) {
      await changePurge(workspace, note, { heldBy: held.slice(0, MAX_HELD_FOLDERS) });
      return false;
    }
  }
  await forgetPurge(workspace, note);
  return false;
}

/**
 * Whether the sweep just done was the last one: another one had ended ten minutes before. The first one is noted. One of the future was noted by
 * a clock that has been set back since.
 */
export async function wasLastSweep(
  { stores, clock }: Pick<Workspace, "stores" | "clock">,
  partition: string,
  { item, etag }: Stored<Item & { readonly firstSweepMs?: number; readonly progress?: unknown }>,
): Promise<boolean> {
  const nowMs = clock.now();
  const isFirst = item.firstSweepMs === undefined;
  const isLast = !isFirst && Math.abs(nowMs - item.firstSweepMs!) >= SWEEP_AGAIN_SECONDS * 1000;
  if (isLast || (!isFirst && item.progress === undefined)) return isLast;
  const swept = { ...item, firstSweepMs: item.firstSweepMs ?? nowMs, progress: undefined };
  await stores.documents.catalog.replace(partition, swept as Item, etag);
  return false;
}

interface RecordsSweep {
  /** What has been purged before is left to the second sweep. */
  readonly isFirst: boolean;
  readonly from: SweepProgress | undefined;
  /** Called when the slice has ended. */
  save(progress: SweepProgress): Promise<void>;
}

/** Removes all runs and logged models of an experiment, whatever their state, with their blobs. @throws SliceEnded */
export async function sweepRecordsOf(
  workspace: Workspace,
  experimentId: string,
  slice: Slice,
  { isFirst, from, save }: RecordsSweep,
): Promise<void> {
  const scopes = [runsScope(workspace, experimentId), modelsScope(workspace, experimentId)];
  let progress: SweepProgress = from ?? { scope: 0 };
  try {
    while (progress.scope < scopes.length) {
      await slice.step();
      const { scope, mark } = progress;
      // A page that is begun anew takes a step for each record that is done already: most steps are left for the others.
      const limit = Math.max(1, Math.floor(slice.rest / 4));
      const found = await workspace.stores.documents.runs.changes(scopes[scope]!, mark, limit);
      const wanted = found.items.filter(({ item }) => !(isFirst && "kind" in item && item.kind === "tombstone"));
      for (const partition of new Set(wanted.map((stored) => stored.partition))) {
        await sweepRecord(workspace, partition.slice(workspace.id.length + 1), slice);
      }
      progress = found.more ? { scope, mark: found.mark } : { scope: scope + 1 };
    }
  } catch (error) {
    if (error instanceof SliceEnded) await save(progress);
    throw error;
  }
}

/** What a model version holds of it is left to a purge of its own. */
async function sweepRecord(workspace: Workspace, id: string, slice: Slice): Promise<void> {
  await slice.step();
  const tombstone = await optimistically(runsPartition(workspace, id), () => buryRecord(workspace, id));
  await removeRecordDocuments(workspace, id, slice);
  const { prefixes = [] } = tombstone ?? {};
  const held = await removeFiles(workspace, prefixes, slice);
  if (held.length === 0) return;
  await notePurge(workspace, {
    what: id.startsWith("m-") ? "model" : "run",
    targetId: id,
    prefixes,
    firstSweepMs: workspace.clock.now(),
    heldBy: held.slice(0, MAX_HELD_FOLDERS),
  });
}

/** Everything of the record's partition but the tombstone. */
async function removeRecordDocuments(workspace: Workspace, id: string, slice: Slice): Promise<void> {
  const { runs } = workspace.stores.documents;
  const partition = runsPartition(workspace, id);
  for await (const page of runs.list(partition, {}, REMOVALS_AT_ONCE)) {
    const listed = page.map(({ item, etag }) => ({ id: item.id, etag })).filter((it) => it.id !== HEAD_ID);
    if (listed.length > 0) await slice.step();
    await removeDocuments(workspace, partition, listed);
  }
}
