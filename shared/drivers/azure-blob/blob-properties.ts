import type { BlobProperties } from "../../stores/blob-store.ts";

export const DEFAULT_CONTENT_TYPE = "application/octet-stream";

/** What answers of the service say about a blob. */
interface Described {
  readonly etag?: string;
  readonly lastModified?: Date;
  readonly contentType?: string;
}

/** @throws when an answer lacks what every answer has */
export function propertiesOf(name: string, size: number | undefined, described: Described): BlobProperties {
  const { etag, lastModified, contentType } = described;
  if (size === undefined || etag === undefined || lastModified === undefined) {
    throw new Error(`The answer about ${JSON.stringify(name)} lacks size, ETag or time.`);
  }
  return {
    name,
    size,
    etag: quoted(etag),
    contentType: contentType || DEFAULT_CONTENT_TYPE,
    lastModifiedMs: lastModified.getTime(),
  };
}

/** ETags come with quotes in headers and without them in listings. */
export function quoted(etag: string): string {
  return etag.startsWith('"') || etag.startsWith("W/") ? etag : `"${etag}"`;
}
