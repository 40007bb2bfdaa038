import type { BlobProperties, BlobStore } from "../stores/blob-store.ts";
import { InvalidArgument } from "../stores/errors.ts";
import { invalid, notFound } from "./errors.ts";
import { decodeFully } from "./validation.ts";
import type { Workspace } from "./workspace.ts";

/** One entry of a listing, by its name below the folder. */
export interface ArtifactEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Bytes; absent for folders. */
  readonly size?: number;
}

/**
 * The blob that an artifact path names. This is the one place where a foreign name becomes ours: it is decoded until nothing changes only to look
 * for tricks; what is stored is the name decoded once, by the caller.
 * @param path the path after `mlflow-artifacts:/`, decoded once; "" is the root
 * @throws InvalidParameter "Invalid path", MLflow's very words
 */
export function artifactBlob(workspace: Workspace, path: string): string {
  return `artifacts/${workspace.id}/${safePath(path)}`;
}

export function safePath(path: string): string {
  const decoded = decodeFully(path);
  const canonical = path.replace(/\/+$/, "");
  const isBad =
    decoded.startsWith("/") ||
    /^[a-z]:/i.test(decoded) ||
    /[\\#\p{Cc}]/u.test(decoded) ||
    !canonical.isWellFormed() ||
    canonical.length > 900 ||
    (canonical !== "" && decoded.replace(/\/+$/, "").split("/").some(isBadSegment));
  if (isBad) throw invalid("Invalid path");
  return canonical;
}

function isBadSegment(segment: string): boolean {
  return segment === "" || segment === "." || segment === "..";
}

/** The path below `mlflow-artifacts:/` of such a URI, decoded once as a client's request for it is; undefined for other schemes. */
export function pathOfUri(uri: string): string | undefined {
  const path = /^mlflow-artifacts:(?:\/\/[^/]*)?\/*(.*)$/.exec(uri)?.[1];
  try {
    return path && decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The folder of our artifact store that an address names, as the blobs in it have it; undefined for addresses of other stores. */
export function folderOfUri(uri: string): string | undefined {
  return pathOfUri(uri)?.split("/").filter(Boolean).join("/");
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

/** Removes an artifact, or a folder with everything below it. @returns how many files went */
export async function deleteArtifacts(workspace: Workspace, path: string): Promise<number> {
  if (safePath(path) === "") throw invalid("Invalid path");
  const blob = artifactBlob(workspace, path);
  const own = (await workspace.stores.blobs.remove(blob)) ? 1 : 0;
  return own + (await removeBelow(workspace.stores.blobs, `${blob}/`));
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

/** @throws NotFound */
export async function requireArtifact(workspace: Workspace, path: string): Promise<BlobProperties> {
  const found = await workspace.stores.blobs.head(artifactBlob(workspace, path));
  if (!found) throw artifactNotFound(path);
  return found;
}

export function artifactNotFound(path: string): Error {
  return notFound(`No such artifact: '${path}'`);
}

/** Names that the store itself refuses are bad paths too. */
export function asBadPath(error: unknown): unknown {
  return error instanceof InvalidArgument ? invalid("Invalid path") : error;
}
