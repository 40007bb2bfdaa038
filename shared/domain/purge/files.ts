import { artifactsPrefix } from "../artifact-folders.ts";
import { folderOfUri, pathOfUri } from "../artifact-paths.ts";
import { removeBelow } from "../artifacts.ts";
import { experimentIndex } from "../experiment-search.ts";
import type { Experiment } from "../experiments.ts";
import { segmentsPrefix } from "../metrics/seal.ts";
import type { ModelAttributes } from "../models/types.ts";
import { getHead } from "../record.ts";
import { registryIndex } from "../registry/registry-index.ts";
import type { NamedVersion } from "../registry/types.ts";
import { valuesPrefix } from "../runs/inputs.ts";
import type { RunAttributes } from "../runs/types.ts";
import { searchPrefix } from "../search/snapshot-blob.ts";
import { BLOBS } from "../stored-names.ts";
import { runsPartition, type Workspace } from "../workspace.ts";
import type { Slice } from "./slice.ts";

/** A model version whose files stay. */
export interface KeptVersion {
  readonly name: string;
  readonly version: number;
}

const MAX_NAMED = 100;

/** Blobs below these prefixes are a run's or logged model's own; artifacts that lie in other stores are not ours to remove. */
export function recordPrefixes(workspace: Workspace, attributes: RunAttributes | ModelAttributes): string[] {
  const id = attributes.kind === "run" ? attributes.runId : attributes.modelId;
  const artifacts = artifactsPrefix(workspace, attributes);
  return [...(artifacts ? [artifacts] : []), valuesPrefix(workspace, id), segmentsPrefix(workspace, id)];
}

/** The default location of artifacts belongs to the experiment alone; any other may be shared, there only its runs' folders go. */
export function experimentPrefixes(workspace: Workspace, { experimentId, artifactLocation }: Experiment): string[] {
  const own = `experiments/${experimentId}`;
  const snapshots = searchPrefix(workspace, experimentId);
  return pathOfUri(artifactLocation) === own ? [snapshots, BLOBS.artifacts(workspace.id, `${own}/`)] : [snapshots];
}

/**
 * Removes the blobs below the prefixes, but for what model versions are made of, and what another experiment has there.
 * @returns the folders that stay because of a model version
 * @throws SliceEnded when more is to be removed
 */
export async function removeFiles(workspace: Workspace, prefixes: readonly string[], slice: Slice): Promise<string[]> {
  const registry = await registryIndex(workspace);
  const experiments = await experimentIndex(workspace);
  const root = BLOBS.artifacts(workspace.id);
  const held = new Set<string>();
  for (const prefix of prefixes) {
    await removeBelow(workspace.stores.blobs, prefix, async (name) => {
      const folders = name.startsWith(root) ? foldersOf(name, prefix).map((folder) => folder.slice(root.length)) : [];
      const inUse = folders.find((folder) => registry.isInUse(folder));
      if (inUse !== undefined) held.add(inUse);
      if (inUse !== undefined || folders.some((folder) => experiments.folders.of(folder).length > 0)) return true;
      await slice.step();
      return false;
    });
  }
  return [...held];
}

/** A blob's name and the folders that it lies in, up to the one that the prefix names. */
function foldersOf(name: string, prefix: string): string[] {
  const folders: string[] = [];
  for (let end = name.length; end >= prefix.length - 1; end = name.lastIndexOf("/", end - 1)) {
    folders.push(name.slice(0, end));
  }
  return folders;
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
