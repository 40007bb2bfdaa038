import mime from "mime/lite";
import type { BlobStore, ByteRange } from "../stores/blob-store.ts";
import type { AppRequest, AppResponse } from "./types.ts";

/**
 * Answers with a blob, or with the part of it that a Range header asks for.
 * @returns undefined when there is no such blob
 */
export async function download(blobs: BlobStore, name: string, request: AppRequest): Promise<AppResponse | undefined> {
  const properties = await blobs.head(name);
  if (!properties) return undefined;
  const { size } = properties;
  const basename = name.slice(name.lastIndexOf("/") + 1);
  const headers: Record<string, string> = {
    "accept-ranges": "bytes",
    "content-type": contentTypeOf(basename),
    "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(basename)}`,
    "content-security-policy": "sandbox",
    etag: quoted(properties.etag),
    "last-modified": new Date(properties.lastModifiedMs).toUTCString(),
  };
  const range = parseRange(request.headers.get("range"), size);
  if (range === "unsatisfiable") return { status: 416, headers: { "content-range": `bytes */${size}` } };
  if (request.method === "HEAD") return { status: 200, headers: { ...headers, "content-length": String(size) } };
  const found = await blobs.get(name, range);
  if (!found) return undefined;
  if (!range) {
    return { status: 200, headers: { ...headers, "content-length": String(found.properties.size) }, body: found.body };
  }
  const last = Math.min(range.last ?? size - 1, size - 1);
  return {
    status: 206,
    headers: {
      ...headers,
      "content-length": String(last - range.first + 1),
      "content-range": `bytes ${range.first}-${last}/${size}`,
    },
    body: found.body,
  };
}

/** What a browser would run or resolve as a document of this site. An SVG does neither as the image that its type makes it. */
const RUNS = /^(?:text\/(?:html|xml|javascript|css)|application\/(?:xml|(?:java|ecma)script|wasm)|.*\+xml)$/;

/**
 * The type that a file is served with: by its name, never by what its uploader said or its content looks like, and plain text for what would be
 * active.
 */
export function contentTypeOf(basename: string): string {
  const type = mime.getType(basename) ?? "application/octet-stream";
  if (type === "image/svg+xml") return type;
  return RUNS.test(type) ? "text/plain; charset=utf-8" : type;
}

function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}

/** One range of bytes; several, or what is no range, are ignored as RFC 9110 allows. */
function parseRange(header: string | null, size: number): ByteRange | undefined | "unsatisfiable" {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { first: size - length, last: size - 1 };
  }
  if (last !== "" && Number(last) < Number(first)) return undefined;
  if (Number(first) >= size) return "unsatisfiable";
  return { first: Number(first), ...(last !== "" && { last: Number(last) }) };
}
