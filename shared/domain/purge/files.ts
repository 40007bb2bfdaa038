import { artifactsPrefix } from "../artifact-folders.ts";
import { pathOfUri } from "../artifact-paths.ts";
import { removeBelow } from "../artifacts.ts";
import { experimentIndex } from "../experiment-search.ts";
import type { Experiment } from "../experiments.ts";
import type { ModelAttributes } from "../logged-models/types.ts";
import { segmentsPrefix } from "../metrics/seal.ts";
import { foldersInUse } from "../registry/uses.ts";
import { valuesPrefix } from "../runs/inputs.ts";
import type { RunAttributes } from "../runs/types.ts";
import { searchPrefix } from "../search/snapshot-blob.ts";
import { BLOBS } from "../stored-names.ts";
import type { Workspace } from "../workspace.ts";
import type { Slice } from "./slice.ts";

type Attributes = RunAttributes | ModelAttributes;
const idOf = (attributes: Attributes): string => (attributes.kind === "run" ? attributes.runId : attributes.modelId);

/** Where each area keeps blobs of one run or logged model alone; undefined: in another store, from which it is not ours to remove them. */
const RECORD_PARTS: readonly ((workspace: Workspace, attributes: Attributes) => string | undefined)[] = [
  artifactsPrefix,
  (workspace, attributes) => valuesPrefix(workspace, idOf(attributes)),
  (workspace, attributes) => segmentsPrefix(workspace, idOf(attributes)),
];

/** Blobs below these prefixes are a run's or logged model's own. */
export function recordPrefixes(workspace: Workspace, attributes: Attributes): string[] {
  return RECORD_PARTS.map((prefixOf) => prefixOf(workspace, attributes)).filter((prefix) => prefix !== undefined);
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
  const isInUse = await foldersInUse(workspace);
  const experiments = await experimentIndex(workspace);
  const root = BLOBS.artifacts(workspace.id);
  const held = new Set<string>();
  for (const prefix of prefixes) {
    await removeBelow(workspace.stores.blobs, prefix, async (name) => {
      const folders = name.startsWith(root) ? foldersOf(name, prefix).map((folder) => folder.slice(root.length)) : [];
      const inUse = folders.find(isInUse);
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
