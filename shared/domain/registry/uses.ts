import { folderOfUri } from "../artifact-paths.ts";
import type { Experiment } from "../experiments.ts";
import type { ModelAttributes } from "../logged-models/types.ts";
import { getHead } from "../record.ts";
import type { RunAttributes } from "../runs/types.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import { registryIndex } from "./registry-index.ts";
import type { NamedVersion } from "./types.ts";

/*
 * Which files model versions are made of: who removes files asks here whether somebody needs them.
 */

/** A model version whose files stay. */
export interface KeptVersion {
  readonly name: string;
  readonly version: number;
}

const MAX_NAMED = 100;

/** Tells of a folder whether the files of a model version are in this very one, as things stand now. */
export async function foldersInUse(workspace: Workspace): Promise<(folder: string) => boolean> {
  const registry = await registryIndex(workspace);
  return (folder) => registry.isInUse(folder);
}

/** The versions that are made of a run's or logged model's files, by name and number; the first hundred. */
export async function versionsOfRecord(
  workspace: Workspace,
  attributes: RunAttributes | ModelAttributes,
): Promise<KeptVersion[]> {
  const folder = folderOfUri(attributes.artifactUri);
  if (folder === undefined) return [];
  const registry = await registryIndex(workspace);
  return inOrder([...registry.versionsWithin(folder)].map(({ version }) => version)).slice(0, MAX_NAMED);
}

/** The same of all runs and logged models of an experiment. */
export async function versionsOfExperiment(
  workspace: Workspace,
  { experimentId, artifactLocation }: Experiment,
): Promise<KeptVersion[]> {
  const location = folderOfUri(artifactLocation);
  if (location === undefined) return [];
  const registry = await registryIndex(workspace);
  const found: NamedVersion[] = [];
  for (const { version, folder } of registry.versionsWithin(location)) {
    if (found.length >= MAX_NAMED) break;
    const [first = "", second = ""] = folder.slice(location.length + 1).split("/");
    const recordId = first === "models" ? second : first;
    const head = await getHead<RunAttributes | ModelAttributes>(workspace, runsPartition(workspace, recordId));
    if (head?.item.attributes.experimentId === experimentId) found.push(version);
  }
  return inOrder(found);
}

function inOrder(versions: readonly NamedVersion[]): KeptVersion[] {
  return versions
    .map(({ name, version }) => ({ name, version: version.version }))
    .sort((a, b) => (a.name === b.name ? a.version - b.version : a.name < b.name ? -1 : 1));
}
