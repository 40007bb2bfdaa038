import { inParallel } from "../../parallel.ts";
import { turn } from "../../turns.ts";
import { experimentsOf, type View } from "../experiment-search.ts";
import { type Experiment, effectiveStage } from "../experiments.ts";
import { readRecord } from "../record.ts";
import type { RowView } from "../search/column-table.ts";
import { type Continued, type PageRequest, searchPage } from "../search/page.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { openRunIndex, type RunIndex, stageNote } from "./run-index.ts";
import { offerRunSnapshot } from "./run-snapshot.ts";
import type { Run } from "./runs.ts";
import type { RunAttributes } from "./types.ts";

/** A run that was found; reading it whole is left to whoever needs more than its id. */
export interface FoundRun {
  readonly runId: string;
  /** Equal versions mean equal contents, within this process. */
  readonly version: string;
  /** Undefined when it was purged meanwhile. */
  load(): Promise<Run | undefined>;
}

/**
 * Runs of some experiments that satisfy a filter, page by page. Everything acknowledged before the call is found. Unknown experiments have no
 * runs.
 * @param request.orderBy with its tie-breaks; what is still equal is ordered by id
 */
export async function searchRuns(
  workspace: Workspace,
  experimentIds: readonly string[],
  request: PageRequest & { readonly view: View },
): Promise<Continued & { readonly runs: FoundRun[] }> {
  const experiments = await experimentsOf(workspace, experimentIds);
  const searched = await inParallel(experiments, (experiment) => withIndex(workspace, experiment));
  await turn();
  const { rows, ...continued } = searchPage(
    searched.map(({ index, experiment }) => ({ table: index.table, visible: visibility(experiment, request.view) })),
    request,
    [workspace.id, [...experimentIds].sort(), request.view],
  );
  const runs = rows.map(({ table, id }) => foundRun(workspace, searched[table]!, id));
  return { runs, ...continued };
}

interface Searched {
  readonly experiment: Experiment;
  readonly index: RunIndex;
}

async function withIndex(workspace: Workspace, experiment: Experiment): Promise<Searched> {
  const { experimentId } = experiment;
  const index = await openRunIndex(workspace, experimentId);
  offerRunSnapshot(workspace, experimentId, index);
  return { experiment, index };
}

export function visibility(experiment: Experiment, view: View): ((row: RowView) => boolean) | undefined {
  if (view === "ALL") return undefined;
  const wanted = view === "ACTIVE_ONLY" ? "active" : "deleted";
  const same = stageNote(wanted, experiment.epoch);
  const other = stageNote(wanted === "active" ? "deleted" : "active", experiment.epoch);
  const byExperiment = experiment.stage === wanted;
  return ({ note }) => note === same || (byExperiment && note !== other);
}

function foundRun(workspace: Workspace, { index, experiment }: Searched, runId: string): FoundRun {
  return {
    runId,
    version: `${index.version(runId)}:${experiment.epoch}`,
    load: async () => {
      const view = await readRecord<RunAttributes>(workspace, runsPartition(workspace, runId));
      if (!view) return undefined;
      const stage = effectiveStage(view.attributes, experiment);
      return { view, stage, latest: await index.latestOf(runId, view) };
    },
  };
}
