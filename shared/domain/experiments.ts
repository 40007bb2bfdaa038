import type { BatchOperation, Item, Stored } from "../stores/document-store.ts";
import { AlreadyExists } from "../stores/errors.ts";
import { requireFreeLocation } from "./artifact-folders.ts";
import { requireArtifactLocation } from "./artifact-locations.ts";
import { type CatalogItem, catalogKind } from "./catalog-kind.ts";
import { alreadyExists, invalid, notFound, sayTooLarge, WorkspaceError } from "./errors.ts";
import { hashOf } from "./hash.ts";
import { noteTrash } from "./purge/trash.ts";
import type { Stage, Staged } from "./stage.ts";
import { CATALOG } from "./stored-names.ts";
import type { Tag } from "./tag.ts";
import { LIMITS, requireEntityName, requireExperimentId, requireExperimentName, requireLength } from "./validation.ts";
import type { Workspace } from "./workspace.ts";

export interface Experiment {
  readonly experimentId: string;
  readonly name: string;
  readonly artifactLocation: string;
  readonly stage: Stage;
  /** Counts deletions and restorations; a run's own stage holds only within the epoch it was set in. */
  readonly epoch: number;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly deletedMs?: number;
  readonly tags: readonly (readonly [string, string])[];
}

export interface ExperimentItem extends CatalogItem {
  readonly kind: "experiment";
  readonly experiment: Experiment;
}

interface NameItem extends Item {
  readonly kind: "experiment-name";
  readonly experimentId: string;
}

export const DEFAULT_EXPERIMENT_ID = "0";
const TAGS = "The tags of this experiment";

export const experimentDocumentId = (experimentId: string): string => CATALOG.experiments.of(experimentId);
/** Undefined for what has an id of the same beginning: a name. */
export const experimentIdOf = (documentId: string): string | undefined =>
  /^\d+$/.exec(documentId.slice(CATALOG.experiments.prefix.length))?.[0];
export const experimentNameId = (name: string): string => CATALOG.experimentNames.of(hashOf(name));

const EXPERIMENTS = catalogKind<ExperimentItem>({
  kind: "experiment",
  idOf: experimentDocumentId,
  range: CATALOG.experiments.all(),
  scope: "experiments",
  parts: TAGS,
  unknown: (experimentId) => notFound(`No Experiment with id=${experimentId} exists`),
});
export const experimentsScope = EXPERIMENTS.scopeOf;

/**
 * Creates an experiment; of many who create one name at once, one succeeds.
 * @returns its id: 18 digits, ascending with time
 * @throws AlreadyExists also when the name belongs to a deleted experiment
 */
export async function createExperiment(
  workspace: Workspace,
  input: { name: string; artifactLocation?: string; tags?: readonly Tag[] },
): Promise<string> {
  requireExperimentName(input.name);
  if (input.artifactLocation) requireArtifactLocation(input.artifactLocation);
  for (const tag of input.tags ?? []) requireExperimentTag(tag);
  if (input.artifactLocation) await requireFreeLocation(workspace, input.artifactLocation);
  for (;;) {
    const nowMs = workspace.clock.now();
    const experimentId = String(nowMs) + String(workspace.ids.integer(100_000)).padStart(5, "0");
    const isWritten = await writeNew(workspace, {
      experimentId,
      name: input.name,
      artifactLocation: input.artifactLocation?.replace(/\/+$/, "") || `mlflow-artifacts:/experiments/${experimentId}`,
      stage: "active",
      epoch: 0,
      createdMs: nowMs,
      updatedMs: nowMs,
      tags: [...new Map((input.tags ?? []).map((tag) => [tag.key, tag.value]))],
    });
    if (isWritten) return experimentId;
  }
}

/**
 * The experiment "0", which clients fall back to, is there in every workspace, and as old.
 * @param workspaceCreated milliseconds; asked for when the experiment is to be made
 */
export async function ensureDefaultExperiment(
  workspace: Workspace,
  workspaceCreated: () => Promise<number>,
): Promise<void> {
  if ((await EXPERIMENTS.get(workspace, DEFAULT_EXPERIMENT_ID)) !== undefined) return;
  const createdMs = await workspaceCreated();
  try {
    await writeNew(workspace, {
      experimentId: DEFAULT_EXPERIMENT_ID,
      name: "Default",
      artifactLocation: "mlflow-artifacts:/experiments/0",
      stage: "active",
      epoch: 0,
      createdMs,
      updatedMs: createdMs,
      tags: [],
    });
  } catch (error) {
    if (!(error instanceof WorkspaceError && error.code === "AlreadyExists")) throw error;
  }
}

/** False when the id is taken: two were drawn alike in one millisecond. @throws AlreadyExists when the name is */
async function writeNew(workspace: Workspace, experiment: Experiment): Promise<boolean> {
  const { catalog } = workspace.stores.documents;
  try {
    const writing = catalog.batch(workspace.id, [
      { kind: "create", item: nameItem(workspace, experiment) },
      { kind: "create", item: EXPERIMENTS.item(workspace, experiment.experimentId, { experiment }) },
    ]);
    await sayTooLarge(TAGS, writing);
    return true;
  } catch (error) {
    if (!(error instanceof AlreadyExists)) throw error;
    if (await catalog.get(workspace.id, experimentNameId(experiment.name))) throw nameTaken(experiment.name);
    return false;
  }
}

/** @throws NotFound for an unknown id; a deleted experiment is returned */
export async function getExperiment(workspace: Workspace, experimentId: string): Promise<Experiment> {
  return (await requireStored(workspace, experimentId)).item.experiment;
}

/** Undefined when there is none. @throws InvalidParameter for what is no id */
export async function findExperiment(workspace: Workspace, experimentId: string): Promise<Experiment | undefined> {
  requireExperimentId(experimentId);
  return (await EXPERIMENTS.get(workspace, experimentId))?.item.experiment;
}

/** Undefined when there is none; a deleted experiment is returned. */
export async function findExperimentByName(workspace: Workspace, name: string): Promise<Experiment | undefined> {
  const id = experimentNameId(name);
  const found = await workspace.memory.get<NameItem>(workspace.stores.documents.catalog, workspace.id, id, "catalog");
  if (!found) return undefined;
  return (await EXPERIMENTS.get(workspace, found.item.experimentId))?.item.experiment;
}

export async function renameExperiment(workspace: Workspace, experimentId: string, newName: string): Promise<void> {
  requireExperimentName(newName);
  await change(workspace, experimentId, (experiment) => {
    requireActive(experiment);
    if (experiment.name === newName) return { experiment };
    const renamed = { ...experiment, name: newName };
    const id = experimentNameId(experiment.name);
    return {
      experiment: renamed,
      also: [
        { kind: "remove", id },
        { kind: "create", item: nameItem(workspace, renamed) },
      ],
    };
  }).catch((error) => {
    throw error instanceof AlreadyExists ? nameTaken(newName) : error;
  });
}

/** Soft-deletes the experiment and with it all its runs. */
export async function deleteExperiment(workspace: Workspace, experimentId: string): Promise<void> {
  await setStage(workspace, experimentId, "active", "deleted");
}

/** Brings the experiment back, and all its runs. */
export async function restoreExperiment(workspace: Workspace, experimentId: string): Promise<void> {
  await setStage(workspace, experimentId, "deleted", "active");
}

async function setStage(workspace: Workspace, experimentId: string, from: Stage, to: Stage): Promise<void> {
  const requireFrom = ({ stage }: Experiment): void => {
    if (stage === from) return;
    throw notFound(`No ${from} Experiment with id=${experimentId} exists; its current state is ${stage}`);
  };
  const deletedMs = workspace.clock.now();
  if (to === "deleted") {
    // Judged before the note as well: what is refused writes nothing.
    requireFrom((await requireStored(workspace, experimentId)).item.experiment);
    await noteTrash(workspace, "experiment", experimentId, deletedMs);
  }
  await change(workspace, experimentId, ({ deletedMs: _, ...experiment }) => {
    requireFrom(experiment);
    const epoch = experiment.epoch + 1;
    return {
      experiment: {
        ...experiment,
        stage: to,
        epoch,
        ...(to === "deleted" && { deletedMs }),
      },
    };
  });
}

export async function setExperimentTag(workspace: Workspace, experimentId: string, tag: Tag): Promise<void> {
  requireExperimentTag(tag);
  await change(workspace, experimentId, (experiment) => {
    requireActive(experiment);
    return { experiment: { ...experiment, tags: [...new Map(experiment.tags).set(tag.key, tag.value)] } };
  });
}

/** @throws NotFound when the experiment has no such tag */
export async function deleteExperimentTag(workspace: Workspace, experimentId: string, key: string): Promise<void> {
  await change(workspace, experimentId, (experiment) => {
    requireActive(experiment);
    const tags = new Map(experiment.tags);
    if (!tags.delete(key)) throw notFound(`No tag with name: ${key} in experiment with id ${experimentId}`);
    return { experiment: { ...experiment, tags: [...tags] } };
  });
}

/** What counts for a run of this experiment: it is deleted with the experiment, and on its own until the experiment changes its stage. */
export function effectiveStage(own: Staged, experiment: Experiment): Stage {
  if (experiment.stage === "deleted") return "deleted";
  return own.stageEpoch === experiment.epoch ? own.stage : "active";
}

/** @throws InvalidParameter when the experiment is deleted */
export function requireActive(experiment: Experiment): void {
  if (experiment.stage === "active") return;
  throw invalid(
    `The experiment ${experiment.experimentId} must be in the 'active' state. Current state is ${experiment.stage}.`,
  );
}

function requireStored(workspace: Workspace, experimentId: string): Promise<Stored<ExperimentItem>> {
  requireExperimentId(experimentId);
  return EXPERIMENTS.require(workspace, experimentId);
}

async function change(
  workspace: Workspace,
  experimentId: string,
  edit: (experiment: Experiment) => { experiment: Experiment; also?: BatchOperation[] },
): Promise<void> {
  requireExperimentId(experimentId);
  await EXPERIMENTS.change(workspace, experimentId, ({ experiment: before }) => {
    const { experiment, also } = edit(before);
    if (experiment === before) return { result: undefined };
    const updatedMs = Math.max(workspace.clock.now(), before.updatedMs);
    return { contents: { experiment: { ...experiment, updatedMs } }, also, result: undefined };
  });
}

function requireExperimentTag(tag: Tag): void {
  requireEntityName("key", tag.key);
  requireLength("key", tag.key, LIMITS.key);
  requireLength("value", tag.value, LIMITS.experimentTagValue);
}

function nameItem(workspace: Workspace, { name, experimentId }: Experiment): NameItem {
  const id = experimentNameId(name);
  return { id, scope: `${workspace.id}/experiment-names`, kind: "experiment-name", experimentId };
}

function nameTaken(name: string): Error {
  return alreadyExists(`Experiment(name=${name}) already exists.`);
}
