import type { Item, Stored } from "../../stores/document-store.ts";
import { AlreadyExists } from "../../stores/errors.ts";
import { pathOfUri, removeBelow } from "../artifacts.ts";
import { invalidState } from "../errors.ts";
import {
  DEFAULT_EXPERIMENT_ID,
  type ExperimentItem,
  effectiveStage,
  experimentDocumentId,
  experimentsScope,
  findExperiment,
  getExperiment,
  hashOf,
  requireStored,
} from "../experiments.ts";
import { removeDocuments } from "../metrics/read.ts";
import { segmentsPrefix } from "../metrics/seal.ts";
import { modelNotFound, modelsScope } from "../models/models.ts";
import type { ModelAttributes } from "../models/types.ts";
import { optimistically } from "../optimistic.ts";
import { getHead, HEAD_ID, type RecordHead, type Tombstone } from "../record.ts";
import { TOMBSTONE_SECONDS } from "../registry/models.ts";
import { valuesPrefix } from "../runs/inputs.ts";
import { renewRunSnapshot } from "../runs/run-snapshot.ts";
import { requireDeleted, runNotFound, runsScope } from "../runs/runs.ts";
import type { RunAttributes } from "../runs/types.ts";
import { searchPrefix } from "../search/snapshot-blob.ts";
import { requireRunId } from "../validation.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { requestPurge } from "./messages.ts";

type Attributes = RunAttributes | ModelAttributes;

/** What is being purged; stays until the last sweep is done, so that nothing is forgotten when a message is lost. */
export interface PurgeItem extends Item {
  readonly kind: "purge";
  readonly what: "run" | "model" | "experiment";
  readonly targetId: string;
  readonly requestedMs: number;
  /** Blobs below these prefixes go. */
  readonly prefixes: readonly string[];
  /** Of a run: the experiment whose search snapshot is to forget it. */
  readonly experimentId?: string;
  readonly firstSweepMs?: number;
}

/** The second sweep: writers that had begun before the purge are done by then. */
export const SWEEP_AGAIN_SECONDS = 600;
const REMOVALS_AT_ONCE = 100;

export const purgeDocumentId = (what: PurgeItem["what"], id: string): string => `purge-${what}-${id}`;

/**
 * Purges a soft-deleted run or logged model: it is gone at once, its documents and blobs follow by way of the queue.
 * @throws NotFound; InvalidState when it is active
 */
export async function purgeRecord(workspace: Workspace, what: "run" | "model", id: string): Promise<void> {
  requireRunId(id);
  const head = await getHead<Attributes>(workspace, runsPartition(workspace, id));
  if (head?.item.attributes.kind !== what) throw what === "run" ? runNotFound(id) : modelNotFound(id);
  const { attributes } = head.item;
  const experiment = await getExperiment(workspace, attributes.experimentId);
  requireDeleted(`The ${what} ${id}`, effectiveStage(attributes, experiment));
  const prefixes = recordPrefixes(workspace, attributes);
  await notePurge(workspace, what, id, prefixes, what === "run" ? attributes.experimentId : undefined);
  if (!(await buryDeletedRecord(workspace, id))) {
    await forgetPurge(workspace, what, id);
    requireDeleted(`The ${what} ${id}`, "active");
  }
  await requestPurge(workspace, { kind: what, workspaceId: workspace.id, id });
}

/**
 * Purges a soft-deleted experiment with all its runs and models.
 * @throws NotFound; InvalidState when it is active, or the Default experiment
 */
export async function purgeExperiment(workspace: Workspace, experimentId: string): Promise<void> {
  const { item } = await requireStored(workspace, experimentId);
  if (experimentId === DEFAULT_EXPERIMENT_ID) throw invalidState("The Default experiment cannot be purged.");
  requireDeleted(`The experiment ${experimentId}`, item.experiment.stage);
  await notePurge(workspace, "experiment", experimentId, experimentPrefixes(workspace, item));
  if (!(await buryDeletedExperiment(workspace, experimentId))) {
    await forgetPurge(workspace, "experiment", experimentId);
    requireDeleted(`The experiment ${experimentId}`, "active");
  }
  await requestPurge(workspace, { kind: "experiment", workspaceId: workspace.id, id: experimentId });
}

/**
 * Does the work of a purge: safe to run twice, at any time, and from any point where an earlier attempt died. What was restored before the
 * purge took hold stays.
 * @returns whether another sweep should follow
 */
export async function continuePurge(workspace: Workspace, what: PurgeItem["what"], id: string): Promise<boolean> {
  const { catalog } = workspace.stores.documents;
  const note = await catalog.get<PurgeItem>(workspace.id, purgeDocumentId(what, id));
  if (!note) return false;
  const isBuried = await (what === "experiment" ? buryDeletedExperiment : buryDeletedRecord)(workspace, id);
  if (isBuried && what === "experiment") await purgeRecordsOf(workspace, id);
  else if (isBuried) await removeRecordDocuments(workspace, id);
  if (isBuried) {
    for (const prefix of note.item.prefixes) await removeBelow(workspace.stores.blobs, prefix);
    if (!(await wasLastSweep(workspace, workspace.id, note))) return true;
    if (note.item.experimentId !== undefined) await renewRunSnapshot(workspace, note.item.experimentId);
  }
  await forgetPurge(workspace, what, id);
  return false;
}

/**
 * Whether the sweep just done was the last one: another one had ended ten minutes before. The first one is noted. One of the future was noted by
 * a clock that has been set back since.
 */
export async function wasLastSweep(
  { stores, clock }: Pick<Workspace, "stores" | "clock">,
  partition: string,
  { item, etag }: Stored<Item & { readonly firstSweepMs?: number }>,
): Promise<boolean> {
  const nowMs = clock.now();
  if (item.firstSweepMs !== undefined) return Math.abs(nowMs - item.firstSweepMs) >= SWEEP_AGAIN_SECONDS * 1000;
  await stores.documents.catalog.replace(partition, { ...item, firstSweepMs: nowMs } as Item, etag);
  return false;
}

/** Removes all runs and logged models of an experiment, whatever their state, with their blobs; what was purged before is swept once more. */
export async function purgeRecordsOf(workspace: Workspace, experimentId: string): Promise<void> {
  const { runs } = workspace.stores.documents;
  for (const scope of [runsScope(workspace, experimentId), modelsScope(workspace, experimentId)]) {
    let mark: string | undefined;
    for (let more = true; more; ) {
      const found = await runs.changes(scope, mark);
      for (const partition of new Set(found.items.map((stored) => stored.partition))) {
        await purgeNow(workspace, partition.slice(workspace.id.length + 1));
      }
      mark = found.mark;
      more = found.more;
    }
  }
}

async function purgeNow(workspace: Workspace, id: string): Promise<void> {
  const tombstone = await optimistically(runsPartition(workspace, id), () => buryRecord(workspace, id));
  await removeRecordDocuments(workspace, id);
  for (const prefix of tombstone?.prefixes ?? []) await removeBelow(workspace.stores.blobs, prefix);
}

/** False when the record is active again. */
function buryDeletedRecord(workspace: Workspace, id: string): Promise<boolean> {
  const partition = runsPartition(workspace, id);
  return optimistically(partition, async () => {
    const head = await getHead<Attributes>(workspace, partition);
    if (head && !(await isDeleted(workspace, head.item.attributes))) return false;
    await buryRecord(workspace, id, head?.etag);
    return true;
  });
}

async function isDeleted(workspace: Workspace, attributes: Attributes): Promise<boolean> {
  const experiment = await findExperiment(workspace, attributes.experimentId);
  return experiment === undefined || effectiveStage(attributes, experiment) === "deleted";
}

/**
 * Replaces the head by a tombstone; from then on nobody finds the record.
 * @param etag of the head that was judged; absent: whichever is there
 * @returns the tombstone, also when it stood there already; undefined when there is nothing
 */
async function buryRecord(workspace: Workspace, id: string, etag?: string): Promise<Tombstone | undefined> {
  const { runs } = workspace.stores.documents;
  const partition = runsPartition(workspace, id);
  const head = await runs.get<RecordHead<Attributes> | Tombstone>(partition, HEAD_ID);
  if (!head || !("attributes" in head.item)) return head?.item as Tombstone | undefined;
  const { scope, attributes } = head.item;
  const prefixes = recordPrefixes(workspace, attributes);
  const tombstone: Tombstone = {
    id: HEAD_ID,
    scope,
    kind: "tombstone",
    recordId: id,
    prefixes,
    ttl: TOMBSTONE_SECONDS,
  };
  await runs.replace(partition, tombstone, etag ?? head.etag);
  return tombstone;
}

/** False when the experiment is active again. */
function buryDeletedExperiment(workspace: Workspace, experimentId: string): Promise<boolean> {
  const { catalog } = workspace.stores.documents;
  const id = experimentDocumentId(experimentId);
  return optimistically(`${workspace.id}/${id}`, async () => {
    const stored = await catalog.get<ExperimentItem>(workspace.id, id);
    if (stored?.item.kind !== "experiment") return true;
    if (stored.item.experiment.stage !== "deleted") return false;
    const tombstone = { id, scope: experimentsScope(workspace), kind: "tombstone", ttl: TOMBSTONE_SECONDS };
    const nameId = `experiment-name-${hashOf(stored.item.experiment.name)}`;
    await catalog.batch(workspace.id, [
      { kind: "replace", item: tombstone, etag: stored.etag },
      { kind: "remove", id: nameId },
    ]);
    return true;
  });
}

/** Everything of the record's partition but the tombstone. */
async function removeRecordDocuments(workspace: Workspace, id: string): Promise<void> {
  const { runs } = workspace.stores.documents;
  const partition = runsPartition(workspace, id);
  for await (const page of runs.list(partition, {}, REMOVALS_AT_ONCE)) {
    const listed = page.map(({ item, etag }) => ({ id: item.id, etag }));
    await removeDocuments(
      workspace,
      partition,
      listed.filter((it) => it.id !== HEAD_ID),
    );
  }
}

async function forgetPurge(workspace: Workspace, what: PurgeItem["what"], id: string): Promise<void> {
  await workspace.stores.documents.catalog.remove(workspace.id, purgeDocumentId(what, id));
}

async function notePurge(
  workspace: Workspace,
  what: PurgeItem["what"],
  targetId: string,
  prefixes: readonly string[],
  experimentId?: string,
): Promise<void> {
  const id = purgeDocumentId(what, targetId);
  const item: PurgeItem = {
    id,
    scope: `${workspace.id}/purges`,
    kind: "purge",
    what,
    targetId,
    requestedMs: workspace.clock.now(),
    prefixes,
    ...(experimentId !== undefined && { experimentId }),
  };
  try {
    await workspace.stores.documents.catalog.create(workspace.id, item);
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error;
  }
}

/** A run's or model's own folder; artifacts that lie in other stores are not ours to remove. */
function recordPrefixes(workspace: Workspace, attributes: Attributes): string[] {
  const id = attributes.kind === "run" ? attributes.runId : attributes.modelId;
  const path = pathOfUri(attributes.artifactUri)?.replace(/\/artifacts$/, "");
  const own = [valuesPrefix(workspace, id), segmentsPrefix(workspace, id)];
  return path?.endsWith(`/${id}`) ? [`artifacts/${workspace.id}/${path}/`, ...own] : own;
}

/** The default location of artifacts belongs to the experiment alone; any other may be shared, there only its runs' folders go. */
function experimentPrefixes(workspace: Workspace, { experiment }: ExperimentItem): string[] {
  const own = `experiments/${experiment.experimentId}`;
  const snapshots = searchPrefix(workspace, experiment.experimentId);
  const hasDefaultLocation = pathOfUri(experiment.artifactLocation) === own;
  return hasDefaultLocation ? [snapshots, `artifacts/${workspace.id}/${own}/`] : [snapshots];
}
