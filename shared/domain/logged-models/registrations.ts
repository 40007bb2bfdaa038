import { WorkspaceError } from "../errors.ts";
import { jsonList } from "../validation.ts";
import type { Workspace } from "../workspace.ts";
import { changeLoggedModel } from "./models.ts";

const VERSIONS_TAG = "mlflow.modelVersions";

/** Notes on a logged model that it was registered: a tag with a JSON list of names and versions, as MLflow keeps it. */
export async function noteModelVersion(
  workspace: Workspace,
  modelId: string,
  name: string,
  version: number,
): Promise<void> {
  try {
    await changeLoggedModel(workspace, modelId, (draft) => {
      const tags = draft.section("tags");
      const noted = jsonList<{ name: string; version: number }>(tags.entries.get(VERSIONS_TAG));
      if (noted.some((entry) => entry.name === name && entry.version === version)) return;
      tags.set(VERSIONS_TAG, JSON.stringify([...noted, { name, version }]));
    });
  } catch (error) {
    if (!(error instanceof WorkspaceError && error.code === "NotFound")) throw error;
  }
}
