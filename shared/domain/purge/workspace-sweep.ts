import type { Stored } from "../../stores/document-store.ts";
import { BLOB_CONTAINERS } from "../../stores/stores.ts";
import { removeBelow } from "../artifacts.ts";
import { type ExperimentItem, experimentDocumentId, experimentIdOf } from "../experiments.ts";
import { removeSecretsOf } from "../secrets.ts";
import { BLOBS, CATALOG, WORKSPACES, WORKSPACES_PARTITION } from "../stored-names.ts";
import type { Workspace } from "../workspace.ts";
import { forgetWorkspace, type GoneItem, type Realm } from "../workspaces.ts";
import type { Slice } from "./slice.ts";
import { sweepRecordsOf, wasLastSweep } from "./sweep.ts";

/** What an area keeps of a workspace outside its partition of the catalog, and how it takes that away; it may be asked again at any time. */
interface WorkspacePart {
  readonly name: string;
  remove(workspace: Workspace, gone: Stored<GoneItem>, slice: Slice): Promise<void>;
}

/** In this order. Events go by themselves, when their time is up. */
const WORKSPACE_PARTS: readonly WorkspacePart[] = [
  { name: "blobs", remove: removeBlobs },
  { name: "runs and logged models", remove: sweepExperiments },
  { name: "values of secrets", remove: removeSecretsOf },
];

/**
 * First sweep: blobs, runs and models. The catalog, from which they are found, goes in the last one.
 * @returns whether another sweep should follow
 * @throws SliceEnded when more is to be done at once
 */
export async function continueWorkspacePurge(realm: Realm, workspace: Workspace, slice: Slice): Promise<boolean> {
  const { catalog } = realm.stores.documents;
  const gone = await catalog.get<GoneItem>(WORKSPACES_PARTITION, WORKSPACES.gone.of(workspace.id));
  if (!gone) return false;
  for (const part of WORKSPACE_PARTS) await part.remove(workspace, gone, slice);
  if (!(await wasLastSweep(realm, WORKSPACES_PARTITION, gone))) return true;
  for await (const page of catalog.list(workspace.id)) {
    for (const { item } of page) {
      await slice.step();
      await catalog.remove(workspace.id, item.id);
    }
  }
  await forgetWorkspace(realm, workspace.id);
  return false;
}

async function removeBlobs({ id, stores }: Workspace, _: Stored<GoneItem>, slice: Slice): Promise<void> {
  for (const container of BLOB_CONTAINERS) {
    await removeBelow(stores.blobs, BLOBS[container](id), async () => {
      await slice.step();
      return false;
    });
  }
}

/** Experiment after experiment, in order of id. */
async function sweepExperiments(workspace: Workspace, gone: Stored<GoneItem>, slice: Slice): Promise<void> {
  const { catalog } = workspace.stores.documents;
  const { progress: begun, firstSweepMs } = gone.item;
  const range = { ...CATALOG.experiments.all(), ...(begun && { from: experimentDocumentId(begun.experimentId) }) };
  for await (const page of catalog.list<ExperimentItem>(workspace.id, range)) {
    for (const { item } of page) {
      const experimentId = experimentIdOf(item.id);
      if (experimentId === undefined) continue;
      await sweepRecordsOf(workspace, experimentId, slice, {
        isFirst: firstSweepMs === undefined,
        from: begun?.experimentId === experimentId ? begun : undefined,
        save: async (progress) => {
          const item: GoneItem = { ...gone.item, progress: { ...progress, experimentId } };
          await catalog.replace(WORKSPACES_PARTITION, item, gone.etag);
        },
      });
    }
  }
}
