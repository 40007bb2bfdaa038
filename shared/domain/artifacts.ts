import type { BlobProperties, BlobStore } from "../stores/blob-store.ts";
import { isWithinOwner } from "./artifact-owners.ts";
import { artifactFile, artifactPath, invalidPath } from "./artifact-paths.ts";
import { alreadyExists, notFound } from "./errors.ts";
import { BLOBS } from "./stored-names.ts";
import { cut } from "./validation.ts";
import type { Workspace } from "./workspace.ts";

/** One entry of a listing, by its name below the folder. */
interface ArtifactEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Bytes; absent for folders. */
  readonly size?: number;
}

const ANCESTORS_AT_ONCE = 16;
/** What belongs to nobody alone: the folders of experiments, those of their models, and what holds them. */
const SHARED_FOLDER = /^experiments(?:\/[^/]+(?:\/models)?)?$/;

/**
 * The blob that an artifact path names.
 * @param path below `mlflow-artifacts:/`, as in a decoded URL; "" is the root
 * @throws InvalidParameter
 */
export function artifactBlob(workspace: Workspace, path: string): string {
  return blobOf(workspace, artifactPath(path));
}

/** @param canonical from `artifactPath` */
function blobOf({ id, stores }: Workspace, canonical: string): string {
  const most = stores.blobs.maxPathLength() - id.length - 1;
  if (canonical.length > most) {
    throw invalidPath(canonical, `has ${canonical.length} characters, more than ${most}`);
  }
  return BLOBS.artifacts(id, canonical);
}

/**
 * The blob that a file of this path is written to. A file and a folder never share a name: no client could download them. (Of two that come
 * at the same moment both may get through.)
 * @throws InvalidParameter, AlreadyExists
 */
export async function blobToWrite(workspace: Workspace, path: string): Promise<string> {
  const file = artifactFile(path);
  if (SHARED_FOLDER.test(file)) throw invalidPath(path, "is a folder of runs and models");
  const blob = blobOf(workspace, file);
  const [isFolder, ancestor] = await Promise.all([
    hasBelow(workspace.stores.blobs, `${blob}/`),
    fileAbove(workspace, file),
  ]);
  if (isFolder) throw alreadyExists(`There is a folder '${cut(file)}': no file can have its name.`);
  if (ancestor !== undefined) {
    throw alreadyExists(`There is a file '${cut(ancestor)}': '${cut(file)}' cannot lie below it.`);
  }
  return blob;
}

async function fileAbove(workspace: Workspace, file: string): Promise<string | undefined> {
  const segments = file.split("/");
  const ancestors = segments.slice(1).map((_, i) => segments.slice(0, i + 1).join("/"));
  for (let i = 0; i < ancestors.length; i += ANCESTORS_AT_ONCE) {
    const some = ancestors.slice(i, i + ANCESTORS_AT_ONCE);
    const found = await Promise.all(some.map((path) => workspace.stores.blobs.head(blobOf(workspace, path))));
    const at = found.findIndex((blob) => blob !== undefined);
    if (at >= 0) return some[at];
  }
  return undefined;
}

async function hasBelow(blobs: BlobStore, prefix: string): Promise<boolean> {
  for await (const page of blobs.list(prefix, { pageSize: 1 })) return page.blobs.length > 0;
  return false;
}

/** The direct entries of a folder in order of name; none for a file, or where nothing is. */
export async function listArtifacts(workspace: Workspace, path: string): Promise<ArtifactEntry[]> {
  const blob = artifactBlob(workspace, path);
  const prefix = blob.endsWith("/") ? blob : `${blob}/`;
  const entries: ArtifactEntry[] = [];
  for await (const page of workspace.stores.blobs.list(prefix, { delimiter: "/" })) {
    for (const { name, size } of page.blobs) entries.push({ name: name.slice(prefix.length), isFolder: false, size });
    for (const name of page.prefixes) entries.push({ name: name.slice(prefix.length, -1), isFolder: true });
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Removes a file; or a folder with everything below it, if all of that belongs to one run or logged model. What is not there is no error.
 * @returns how many files went
 */
export async function deleteArtifacts(workspace: Workspace, path: string): Promise<number> {
  const canonical = artifactPath(path);
  const blob = blobOf(workspace, canonical);
  const { blobs } = workspace.stores;
  if (!(await isWithinOwner(workspace, canonical))) {
    const isShared = canonical === "" || SHARED_FOLDER.test(canonical) || (await hasBelow(blobs, `${blob}/`));
    if (isShared) throw invalidPath(path, "is not a folder within the artifacts of one run or logged model");
  }
  const own = (await blobs.remove(blob)) ? 1 : 0;
  return own + (await removeBelow(blobs, `${blob}/`));
}

/** Removes every blob whose name begins with `prefix`, but for those that stay. */
export async function removeBelow(
  blobs: BlobStore,
  prefix: string,
  stays: (name: string) => boolean | Promise<boolean> = () => false,
): Promise<number> {
  let removed = 0;
  for await (const page of blobs.list(prefix)) {
    for (const { name } of page.blobs) if (!(await stays(name)) && (await blobs.remove(name))) removed++;
  }
  return removed;
}

/** @throws InvalidParameter; NotFound for the root, which is no file */
export function blobToRead(workspace: Workspace, path: string): string {
  const canonical = artifactPath(path);
  if (canonical === "") throw artifactNotFound(path);
  return blobOf(workspace, canonical);
}

/** @throws InvalidParameter, NotFound */
export async function requireArtifact(workspace: Workspace, path: string): Promise<BlobProperties> {
  const found = await workspace.stores.blobs.head(blobToRead(workspace, path));
  if (!found) throw artifactNotFound(path);
  return found;
}

export function artifactNotFound(path: string): Error {
  return notFound(`No such artifact: '${cut(path)}'`);
}
