import { HOST_BODY_BYTES } from "../../config.ts";
import { basename } from "../../content-disposition.ts";
import { artifactFile, artifactPath } from "../../domain/artifact-paths.ts";
import {
  artifactNotFound,
  blobToRead,
  blobToWrite,
  deleteArtifacts,
  listArtifacts,
  requireArtifact,
} from "../../domain/artifacts.ts";
import { invalid } from "../../domain/errors.ts";
import { getRun } from "../../domain/runs/runs.ts";
import { abortUpload, beginUpload, completeUpload } from "../../domain/uploads.ts";
import { BATCH_BYTES } from "../../http/body.ts";
import { contentTypeOf, download } from "../../http/download.ts";
import { tooLargeForHost } from "../../http/large-uploads.ts";
import type { AppRequest } from "../../http/types.ts";
import { TooLarge } from "../../stores/errors.ts";
import { filesBelow } from "../artifact-folder.ts";
import { integer, list, message, optional, required, string, withDefault } from "../message.ts";
import { EMPTY, type MlflowSettings, ok, okWithList, route } from "../route.ts";
import { requireRun } from "../run-reference.ts";

const FILE = "2.0/mlflow-artifacts/artifacts/**:path";
/** Why they leave no events. */
const FILES = "files, one by one; their folder shows them";
const SIGNED_FOR_SECONDS = 3600;

/** Multipart calls name the folder in the path and the client's local file, which may lie on Windows, in the body. */
function uploadTarget(folder: string, localPath: string): string {
  const name = localPath.split(localPath.startsWith("/") ? "/" : /[\\/]/).at(-1)!;
  return artifactFile(folder === "" || name === "" ? name : `${folder}/${name}`);
}

/** Before a byte of it is read: whoever sends more is told how to. */
function requireWithinLimit(
  request: AppRequest,
  { limitsBodies, bodyLimitBytes = HOST_BODY_BYTES }: MlflowSettings,
): void {
  const bytes = Number(request.headers.get("content-length") ?? 0);
  if (limitsBodies && bytes > bodyLimitBytes) throw new TooLarge(tooLargeForHost(bytes, bodyLimitBytes));
}

const COMPLETE = {
  path: required(string),
  upload_id: required(string),
  parts: required(list(message({ part_number: required(integer), etag: optional(string), url: optional(string) }))),
};

export const artifactRoutes = [
  route({
    name: "artifacts_list",
    method: "GET",
    path: "2.0/mlflow-artifacts/artifacts",
    permission: "read",
    request: { path: optional(string) },
    handle: async ({ workspace, input }) => {
      const entries = await listArtifacts(workspace, input.path ?? "");
      const files = entries.map(({ name, isFolder, size }) => ({ path: name, is_dir: isFolder, file_size: size }));
      return okWithList({}, "files", files);
    },
  }),
  route({
    name: "artifacts_download",
    method: "GET",
    path: FILE,
    permission: "read",
    handle: async ({ workspace, path, request }) => {
      const artifact = path.path;
      const found = await download(workspace.stores.blobs, blobToRead(workspace, artifact), request);
      if (!found) throw artifactNotFound(artifact);
      return found;
    },
  }),
  route({
    name: "artifacts_upload",
    method: "PUT",
    path: FILE,
    permission: "write",
    withoutEvent: FILES,
    mayBeFirst: true,
    writes: ({ path }) => ({ artifact: path.path }),
    handle: async ({ workspace, path, request, settings }) => {
      requireWithinLimit(request, settings);
      if (request.headers.get("content-range") !== null) {
        throw invalid(
          "A file is uploaded whole, or in parts by way of mpu/create: the header Content-Range is not taken.",
        );
      }
      const blob = await blobToWrite(workspace, path.path);
      const contentType = contentTypeOf(basename(blob));
      await workspace.stores.blobs.put(blob, request.body ?? new Uint8Array(), { contentType });
      return EMPTY;
    },
  }),
  route({
    name: "artifacts_delete",
    method: "DELETE",
    path: FILE,
    permission: "write",
    handle: async ({ workspace, path }) => {
      await deleteArtifacts(workspace, path.path);
      return EMPTY;
    },
  }),
  route({
    name: "artifacts_multipart_create",
    method: "POST",
    path: "2.0/mlflow-artifacts/mpu/create/**:path",
    permission: "write",
    withoutEvent: FILES,
    request: { path: required(string), num_parts: required(integer) },
    writes: ({ path, input }) => ({ artifact: uploadTarget(path.path, input.path) }),
    handle: async ({ workspace, path, input }) => {
      const file = uploadTarget(path.path, input.path);
      const { uploadId, targets } = await beginUpload(workspace, file, input.num_parts);
      const credentials = targets.map(({ number, url, headers }) => ({ url, part_number: number, headers }));
      return ok({ upload_id: uploadId, credentials });
    },
  }),
  route({
    name: "artifacts_multipart_complete",
    method: "POST",
    path: "2.0/mlflow-artifacts/mpu/complete/**:path",
    permission: "write",
    withoutEvent: FILES,
    mayBeFirst: true,
    maxBodyBytes: BATCH_BYTES,
    request: COMPLETE,
    writes: ({ path, input }) => ({ artifact: uploadTarget(path.path, input.path) }),
    handle: async ({ workspace, path, input }) => {
      const file = uploadTarget(path.path, input.path);
      const numbers = input.parts.map(({ part_number }) => part_number);
      await completeUpload(workspace, file, input.upload_id, numbers, contentTypeOf(basename(file)));
      return EMPTY;
    },
  }),
  route({
    name: "artifacts_multipart_abort",
    method: "POST",
    path: "2.0/mlflow-artifacts/mpu/abort/**:path",
    permission: "write",
    withoutEvent: FILES,
    request: { path: required(string), upload_id: withDefault(string, "") },
    writes: ({ path, input }) => ({ artifact: uploadTarget(path.path, input.path) }),
    handle: async ({ workspace, path, input }) => {
      const file = uploadTarget(path.path, input.path);
      if (input.upload_id !== "") await abortUpload(workspace, file, input.upload_id);
      return EMPTY;
    },
  }),
  route({
    name: "artifacts_presigned_download",
    method: "GET",
    path: "2.0/mlflow-artifacts/presigned/**:path",
    permission: "read",
    handle: async ({ workspace, path }) => {
      const artifact = path.path;
      const { size } = await requireArtifact(workspace, artifact);
      const blob = blobToRead(workspace, artifact);
      const { url, headers } = await workspace.stores.blobs.signedUrl(blob, SIGNED_FOR_SECONDS);
      return ok({ url, headers, file_size: size });
    },
  }),
  route({
    name: "run_artifacts_list",
    method: "GET",
    path: "2.0/mlflow/artifacts/list",
    permission: "read",
    request: {
      run_id: optional(string),
      run_uuid: optional(string),
      path: optional(string),
      page_token: optional(string),
    },
    handle: async ({ workspace, input }) => {
      const folder = artifactPath(input.path ?? "");
      const run = await getRun(workspace, requireRun(input));
      return filesBelow(workspace, run.view.attributes.artifactUri, folder);
    },
  }),
];
