import { inParallel } from "../parallel.ts";
import type { Stored } from "../stores/document-store.ts";
import { turn } from "../turns.ts";
import { invalid } from "./errors.ts";
import {
  type Experiment,
  type ExperimentItem,
  experimentDocumentId,
  experimentsScope,
  findExperiment,
} from "./experiments.ts";
import { FolderOwners } from "./folder-owners.ts";
import type { RegistryTombstone } from "./registry/types.ts";
import { ScopeIndex } from "./scope-index.ts";
import { ColumnTable } from "./search/column-table.ts";
import { searchableExperimentId } from "./search/experiment-id.ts";
import { type Continued, type PageRequest, searchPage } from "./search/page.ts";
import { requireExperimentId } from "./validation.ts";
import type { Workspace } from "./workspace.ts";

export type View = "ACTIVE_ONLY" | "DELETED_ONLY" | "ALL";

const DOCUMENT_BYTES = 600;

export class ExperimentIndex extends ScopeIndex<ExperimentItem | RegistryTombstone> {
  readonly table = new ColumnTable();
  readonly experiments = new Map<string, Experiment>();
  /** Experiments, by where their artifacts are. */
  readonly folders = new FolderOwners();

  protected estimateBytes(): number {
    return this.table.bytes + this.experiments.size * DOCUMENT_BYTES;
  }

  protected async apply(items: readonly Stored<ExperimentItem | RegistryTombstone>[]): Promise<void> {
    for (const { item } of items) {
      if (item.kind === "tombstone") {
        this.table.remove(item.id);
        this.experiments.delete(item.id);
        this.folders.remove(item.id);
      } else {
        this.experiments.set(item.id, item.experiment);
        this.folders.set(item.id, item.experiment.artifactLocation);
        this.table.upsert(item.id, rowOf(item.experiment));
      }
      await turn();
    }
  }
}

function rowOf(experiment: Experiment) {
  return {
    numbers: [
      ["attribute.creation_time", experiment.createdMs],
      ["attribute.last_update_time", experiment.updatedMs],
    ] as [string, number][],
    strings: [
      ["attribute.name", experiment.name],
      ["attribute.experiment_id", searchableExperimentId(experiment.experimentId)],
      ...experiment.tags.map(([key, value]) => [`tag.${key}`, value] as [string, string]),
    ] as [string, string][],
    note: experiment.stage,
  };
}

/** Clients that search everything name every experiment. Each is a table to look at. */
const MAX_EXPERIMENTS = 10_000;
/** Reading more of them one by one takes longer than looking at what has changed. */
const FEW = 4;

/**
 * Those of some ids that there are, deleted or not, by one read however many ids they are.
 * @throws InvalidParameter for what is no id, and for too many
 */
export async function experimentsOf(workspace: Workspace, experimentIds: readonly string[]): Promise<Experiment[]> {
  const ids = [...new Set(experimentIds)];
  if (ids.length > MAX_EXPERIMENTS) {
    throw invalid(
      `Invalid value for parameter 'experiment_ids' supplied: it names ${ids.length} experiments, and at most ${MAX_EXPERIMENTS} are searched at once. ` +
        "Search some of them at a time.",
    );
  }
  for (const id of ids) requireExperimentId(id);
  if (ids.length <= FEW) return present(await inParallel(ids, (id) => findExperiment(workspace, id)));
  const { experiments } = await experimentIndex(workspace);
  return present(ids.map((id) => experiments.get(experimentDocumentId(id))));
}

function present<T>(found: readonly (T | undefined)[]): T[] {
  return found.filter((one) => one !== undefined);
}

/** All experiments of a workspace, deleted ones included, searchable. */
export function experimentIndex(workspace: Workspace): Promise<ExperimentIndex> {
  const scope = experimentsScope(workspace);
  return workspace.memory.index(
    scope,
    () => new ExperimentIndex(workspace.stores.documents.catalog, scope, workspace.clock),
  );
}

/**
 * Experiments that satisfy a filter, page by page.
 */
export async function searchExperiments(
  workspace: Workspace,
  request: PageRequest & { readonly view: View },
): Promise<Continued & { readonly experiments: Experiment[] }> {
  const index = await experimentIndex(workspace);
  const visible = { ACTIVE_ONLY: "active", DELETED_ONLY: "deleted", ALL: undefined }[request.view];
  await turn();
  const { rows, ...continued } = searchPage(
    [{ table: index.table, visible: visible ? (row) => row.note === visible : undefined }],
    request,
    [experimentsScope(workspace), request.view],
  );
  return { experiments: rows.map(({ id }) => index.experiments.get(id)!), ...continued };
}
