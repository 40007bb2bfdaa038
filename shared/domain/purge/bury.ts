import {
  type Experiment,
  type ExperimentItem,
  effectiveStage,
  experimentDocumentId,
  experimentNameId,
  experimentsScope,
  findExperiment,
} from "../experiments.ts";
import type { ModelAttributes } from "../logged-models/types.ts";
import { optimistically } from "../optimistic.ts";
import { getHead, type Tombstone } from "../record.ts";
import type { RecordHead } from "../record-shape.ts";
import type { RunAttributes } from "../runs/types.ts";
import { TOMBSTONE_SECONDS } from "../scope-index.ts";
import { HEAD_ID } from "../stored-names.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { recordPrefixes } from "./files.ts";

export type Attributes = RunAttributes | ModelAttributes;

/** Stands for any deletion: whatever is left of a purged experiment is deleted. */
const WITH_EXPERIMENT = "with its experiment";

/** Which deletion of a record stands, its own or, of a run, its experiment's; undefined: none, it is active. */
export function deletionOf(attributes: Attributes, experiment: Experiment | undefined): string | undefined {
  if (experiment === undefined) return WITH_EXPERIMENT;
  if (attributes.kind === "run" && effectiveStage(attributes, experiment) === "active") return undefined;
  if (attributes.kind === "run" && experiment.stage === "deleted") return `of the experiment, ${experiment.epoch}`;
  return attributes.stage === "deleted" ? ownDeletion(attributes.deletedMs!) : undefined;
}

export function ownDeletion(deletedMs: number): string {
  return `at ${deletedMs}`;
}

/** Which deletion of an experiment stands; undefined: none. */
export function deletionOfExperiment({ stage, epoch }: Experiment): string | undefined {
  return stage === "deleted" ? String(epoch) : undefined;
}

/**
 * Buries a record if the deletion that its purge was asked for still stands.
 * @param deletion undefined: any
 * @returns false when it does not; true also when nothing is left to bury
 */
export function buryDeletedRecord(workspace: Workspace, id: string, deletion: string | undefined): Promise<boolean> {
  const partition = runsPartition(workspace, id);
  return optimistically(partition, async () => {
    const head = await getHead<Attributes>(workspace, partition);
    if (head) {
      const { attributes } = head.item;
      const current = deletionOf(attributes, await findExperiment(workspace, attributes.experimentId));
      if (!isMeant(current, deletion)) return false;
    }
    await buryRecord(workspace, id, head?.etag);
    return true;
  });
}

function isMeant(current: string | undefined, asked: string | undefined): boolean {
  return current !== undefined && (asked === undefined || current === WITH_EXPERIMENT || current === asked);
}

/**
 * Replaces the head by a tombstone; from then on nobody finds the record.
 * @param etag of the head that was judged; absent: whichever is there
 * @returns the tombstone, also when it stood there already; undefined when there is nothing
 */
export async function buryRecord(workspace: Workspace, id: string, etag?: string): Promise<Tombstone | undefined> {
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

/** The same for an experiment; its name is free then. */
export function buryDeletedExperiment(
  workspace: Workspace,
  experimentId: string,
  deletion: string | undefined,
): Promise<boolean> {
  const { catalog } = workspace.stores.documents;
  const id = experimentDocumentId(experimentId);
  return optimistically(`${workspace.id}/${id}`, async () => {
    const stored = await catalog.get<ExperimentItem>(workspace.id, id);
    if (stored?.item.kind !== "experiment") return true;
    const { experiment } = stored.item;
    if (!isMeant(deletionOfExperiment(experiment), deletion)) return false;
    const tombstone = { id, scope: experimentsScope(workspace), kind: "tombstone", ttl: TOMBSTONE_SECONDS };
    await catalog.batch(workspace.id, [
      { kind: "replace", item: tombstone, etag: stored.etag },
      { kind: "remove", id: experimentNameId(experiment.name) },
    ]);
    return true;
  });
}
