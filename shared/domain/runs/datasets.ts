import { findExperiment } from "../experiments.ts";
import { Steps } from "../search/steps.ts";
import type { Workspace } from "../workspace.ts";
import { openRunIndex } from "./run-index.ts";

/** A dataset that runs of an experiment have used, and what for. */
interface DatasetSummary {
  readonly experimentId: string;
  readonly name: string;
  readonly digest: string;
  readonly context?: string;
}

/** What putting a use of a dataset with its like takes. */
const DATASET_STEPS = 10;

/**
 * The datasets that runs of some experiments have used, each once for each context.
 * @param limit at most so many
 */
export async function listDatasets(
  workspace: Workspace,
  experimentIds: readonly string[],
  limit: number,
): Promise<DatasetSummary[]> {
  const found = new Map<string, DatasetSummary>();
  const steps = new Steps();
  for (const experimentId of new Set(experimentIds)) {
    if (!(await findExperiment(workspace, experimentId))) continue;
    const { table } = await openRunIndex(workspace, experimentId);
    if (!table.hasDatasets) continue;
    for (let slot = 0; slot < table.slotLimit; slot++) {
      const uses = table.datasetsAt(slot);
      steps.take(1 + DATASET_STEPS * uses.length);
      for (const { name, digest, context } of uses) {
        const key = JSON.stringify([experimentId, name, digest, context]);
        if (!found.has(key)) found.set(key, { experimentId, name, digest, ...(context !== undefined && { context }) });
        if (found.size >= limit) return [...found.values()];
      }
    }
  }
  return [...found.values()];
}
