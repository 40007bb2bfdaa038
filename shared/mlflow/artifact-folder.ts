import { artifactFile, artifactPath, pathOfUri } from "../domain/artifact-paths.ts";
import { artifactNotFound, blobToRead, listArtifacts } from "../domain/artifacts.ts";
import { invalid } from "../domain/errors.ts";
import type { Workspace } from "../domain/workspace.ts";
import { download } from "../http/download.ts";
import type { AppRequest, AppResponse } from "../http/types.ts";
import { okWithList } from "./route.ts";

/**
 * Answers with what lies directly in a folder below the artifact URI of a run or model, in MLflow's form: paths are relative to that URI.
 * @throws InvalidParameter for a bad path, and for a URI of another store
 */
export async function filesBelow(workspace: Workspace, rootUri: string, folder: string): Promise<AppResponse> {
  const relative = artifactPath(folder);
  const prefix = relative === "" ? "" : `${relative}/`;
  const entries = await listArtifacts(workspace, `${rootOf(rootUri)}/${relative}`);
  const files = entries.map(({ name, isFolder, size }) => ({ path: prefix + name, is_dir: isFolder, file_size: size }));
  return okWithList({ root_uri: rootUri }, "files", files);
}

/** The bytes of a file below the artifact URI of a run or model. @throws InvalidParameter as `filesBelow` does, NotFound */
export async function downloadBelow(
  workspace: Workspace,
  rootUri: string,
  file: string,
  request: AppRequest,
): Promise<AppResponse> {
  const relative = artifactFile(file);
  const blob = blobToRead(workspace, `${rootOf(rootUri)}/${relative}`);
  const found = await download(workspace.stores.blobs, blob, request);
  if (!found) throw artifactNotFound(relative);
  return found;
}

function rootOf(uri: string): string {
  const root = pathOfUri(uri);
  if (root === undefined) throw invalid(`These artifacts are at ${uri}, which only clients can reach.`);
  return root;
}
