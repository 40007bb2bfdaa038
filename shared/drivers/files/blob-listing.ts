import type { BlobPage, BlobProperties } from "../../stores/blob-store.ts";
import { type BlobCatalog, propertiesOf } from "./blob-catalog.ts";

/** A page, and the least name that can follow it; undefined behind the last page. */
interface ListedPage {
  readonly page: BlobPage;
  readonly next: string | undefined;
}

/**
 * At most `pageSize` blobs and folders of names that begin with `prefix`, from the name `from` on. A folder is one entry, whatever it
 * holds: the listing goes on behind it without reading its blobs.
 */
export function listPage(
  catalog: BlobCatalog,
  prefix: string,
  from: string,
  delimited: boolean,
  pageSize: number,
): ListedPage {
  const blobs: BlobProperties[] = [];
  const prefixes: string[] = [];
  let next: string | undefined = from;
  while (next !== undefined && blobs.length + prefixes.length < pageSize) {
    const folder = listUpToFolder(catalog, prefix, next, delimited, pageSize - prefixes.length, blobs);
    if (folder !== undefined) prefixes.push(folder);
    next = folder === undefined ? nextAfterBlobs(blobs, prefixes, pageSize) : behindFolder(folder);
  }
  return { page: { blobs, prefixes }, next };
}

/** Adds blobs until there are `most`, and returns the folder that comes before that, if one does. */
function listUpToFolder(
  catalog: BlobCatalog,
  prefix: string,
  from: string,
  delimited: boolean,
  most: number,
  blobs: BlobProperties[],
): string | undefined {
  for (const row of catalog.from(from)) {
    if (!row.name.startsWith(prefix) || blobs.length >= most) return undefined;
    const slash = delimited ? row.name.indexOf("/", prefix.length) : -1;
    if (slash >= 0) return row.name.slice(0, slash + 1);
    blobs.push(propertiesOf(row));
  }
  return undefined;
}

function nextAfterBlobs(blobs: BlobProperties[], prefixes: string[], pageSize: number): string | undefined {
  // Nothing lies between a name and the same name followed by NUL.
  return blobs.length + prefixes.length < pageSize ? undefined : `${blobs.at(-1)?.name}\0`;
}

/** The least text greater than every name in the folder: "0" follows "/". */
function behindFolder(folder: string): string {
  return `${folder.slice(0, -1)}0`;
}
