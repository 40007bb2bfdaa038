import { ownersOf } from "../artifact-owners.ts";
import { artifactPath } from "../artifact-paths.ts";
import { WorkspaceError } from "../errors.ts";
import type { ModelAttributes } from "../logged-models/types.ts";
import { readRecord } from "../record.ts";
import { type NamedSource, requireOwnSource } from "../registry/source.ts";
import type { RunAttributes } from "../runs/types.ts";
import { RUN_ID } from "../validation.ts";
import { runsPartition, type Workspace } from "../workspace.ts";

/** What a request writes to. All of it must belong to the run of a run token, and there must be something. */
export interface Writes {
  readonly runs?: readonly (string | undefined)[];
  /** Logged models. */
  readonly models?: readonly string[];
  /** A path below the artifact root, decoded once. */
  readonly artifact?: string;
  /** Something new that belongs to nobody, such as the name of a registered model. */
  readonly isNew?: boolean;
  /** Where the files of a new version are: below the run or logged model that it names. */
  readonly source?: NamedSource;
  /** An end, such as a run's: it may come when the token's run has ended. */
  readonly isEnd?: boolean;
}

type Attributes = RunAttributes | ModelAttributes;

export const PARENT_TAG = "mlflow.parentRunId";
/** Runs within runs; more levels than that are nobody's descendants. */
const MAX_GENERATIONS = 20;

/**
 * Lets a run token write to its run, the run's descendants, and the logged models and artifacts of those.
 * @throws PermissionDenied
 */
export async function requireWithinRun(workspace: Workspace, runId: string, writes: Writes): Promise<void> {
  const { runs = [], models = [], artifact, isNew = false, source } = writes;
  const isSomething = runs.length > 0 || models.length > 0 || artifact !== undefined || isNew;
  if (!isSomething) throw foreign(runId);
  for (const id of runs) if (id === undefined || !(await isWithin(workspace, runId, id))) throw foreign(runId);
  for (const id of models) if (!(await isModelOf(workspace, runId, id))) throw foreign(runId);
  if (artifact !== undefined && !(await isArtifactOf(workspace, runId, artifact))) throw foreign(runId);
  if (source) await requireOwnSource(workspace, source);
}

/** Whether a run is the other one, or one of its descendants. */
async function isWithin(workspace: Workspace, ancestorId: string, runId: string): Promise<boolean> {
  let id: string | undefined = runId;
  for (let i = 0; i < MAX_GENERATIONS && id !== undefined; i++) {
    if (id === ancestorId) return true;
    const record: Awaited<ReturnType<typeof find>> = await find(workspace, id);
    id = record?.attributes.kind === "run" ? record.section("tags").get(PARENT_TAG) : undefined;
  }
  return false;
}

async function isModelOf(workspace: Workspace, runId: string, modelId: string): Promise<boolean> {
  const attributes = (await find(workspace, modelId))?.attributes;
  if (attributes?.kind !== "model" || attributes.sourceRunId === undefined) return false;
  return isWithin(workspace, runId, attributes.sourceRunId);
}

/** Whether a file may lie there: below the folder, whose own name no file takes. */
async function isArtifactOf(workspace: Workspace, runId: string, path: string): Promise<boolean> {
  const canonical = artifactPath(path);
  for await (const { attributes, root } of ownersOf(workspace, canonical)) {
    if (canonical === root) continue;
    const ownerId = attributes.kind === "run" ? attributes.runId : attributes.modelId;
    const isOwn = attributes.kind === "run" ? isWithin : isModelOf;
    if (await isOwn(workspace, runId, ownerId)) return true;
  }
  return false;
}

async function find(workspace: Workspace, id: string) {
  return RUN_ID.test(id) ? readRecord<Attributes>(workspace, runsPartition(workspace, id)) : undefined;
}

function foreign(runId: string): Error {
  return new WorkspaceError(
    "PermissionDenied",
    `The token of the run ${runId} writes to this run, to runs below it, and to the models and artifacts of these alone; experiments that it ` +
      "makes are where the workspace puts them.",
  );
}
