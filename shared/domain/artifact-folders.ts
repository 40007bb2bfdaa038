import { folderOfUri, pathOfUri } from "./artifact-paths.ts";
import { invalid } from "./errors.ts";
import type { ModelAttributes } from "./logged-models/types.ts";
import type { Tombstone } from "./record.ts";
import type { RecordHead } from "./record-shape.ts";
import type { RunAttributes } from "./runs/types.ts";
import { BLOBS, HEAD_ID } from "./stored-names.ts";
import { cut } from "./validation.ts";
import { runsPartition, type Workspace } from "./workspace.ts";

/*
 * Which folder of the artifact store belongs to whom. A purge removes the folders of what it purges, so nothing else may live in them.
 */

type Attributes = RunAttributes | ModelAttributes;

const RECORD_ID = /^(?:m-)?[0-9a-f]{32}$/;

/** Blobs below this prefix are a run's or logged model's own; undefined where its artifacts lie in another store. */
export function artifactsPrefix(workspace: Workspace, attributes: Attributes): string | undefined {
  const id = attributes.kind === "run" ? attributes.runId : attributes.modelId;
  const path = pathOfUri(attributes.artifactUri)?.replace(/\/artifacts$/, "");
  return path === id || path?.endsWith(`/${id}`) ? BLOBS.artifacts(workspace.id, `${path}/`) : undefined;
}

/**
 * Refuses a place for an experiment's artifacts that lies where another experiment has its default location, or in the folder of a run or
 * logged model: they would go with those.
 * @throws InvalidParameter
 */
export async function requireFreeLocation(workspace: Workspace, location: string): Promise<void> {
  const folder = folderOfUri(location);
  if (folder === undefined) return;
  if (/^experiments\/\d+(?:\/|$)/.test(folder)) {
    throw locationTaken(location, "experiments/<number> is where an experiment keeps its own artifacts");
  }
  for (const id of new Set(folder.split("/").filter((part) => RECORD_ID.test(part)))) {
    const prefix = await prefixOfRecord(workspace, id);
    if (prefix && BLOBS.artifacts(workspace.id, `${folder}/`).startsWith(prefix)) {
      throw locationTaken(
        location,
        `it lies in the folder of the ${id.startsWith("m-") ? "logged model" : "run"} ${id}`,
      );
    }
  }
}

/** Also of one that was purged, as long as its folder may still be swept. */
async function prefixOfRecord(workspace: Workspace, id: string): Promise<string | undefined> {
  const { runs } = workspace.stores.documents;
  const head = await runs.get<RecordHead<Attributes> | Tombstone>(runsPartition(workspace, id), HEAD_ID);
  if (!head) return undefined;
  if ("attributes" in head.item) return artifactsPrefix(workspace, head.item.attributes);
  return head.item.prefixes.find((prefix) => prefix.startsWith(BLOBS.artifacts(workspace.id)));
}

function locationTaken(location: string, why: string): Error {
  return invalid(
    `Invalid value for parameter 'artifact_location' supplied: '${cut(location)}': ${why}. Choose another folder.`,
  );
}
