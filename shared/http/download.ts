import mime from "mime/lite";
import { attachment, basename } from "../content-disposition.ts";
import type { BlobProperties, BlobStore } from "../stores/blob-store.ts";
import { getRanged, mayAnswer, quoted } from "./ranges.ts";
import type { AppRequest, AppResponse } from "./types.ts";

/**
 * Answers with a blob, or with the part of it that a Range header asks for.
 * @returns undefined when there is no such blob
 */
export async function download(blobs: BlobStore, name: string, request: AppRequest): Promise<AppResponse | undefined> {
  if (request.method === "HEAD") return describe(await blobs.head(name), request);
  const ranged = await getRanged(blobs, name, (header) => request.headers.get(header));
  if (ranged === undefined) return undefined;
  if (ranged.status === 412) return CHANGED;
  if (ranged.status === 416) return { status: 416, headers: { "content-range": `bytes */${ranged.properties.size}` } };
  const { properties, body } = ranged.found;
  const headers = { ...headersOf(properties), "content-length": String(properties.size) };
  if (ranged.status === 200) return { status: 200, headers, body };
  const { first, last } = ranged;
  return {
    status: 206,
    headers: {
      ...headers,
      "content-length": String(last - first + 1),
      "content-range": `bytes ${first}-${last}/${properties.size}`,
    },
    body,
  };
}

const CHANGED: AppResponse = { status: 412 };

function describe(properties: BlobProperties | undefined, request: AppRequest): AppResponse | undefined {
  if (properties === undefined) return undefined;
  if (!mayAnswer(request.headers.get("if-match"), properties)) return CHANGED;
  return { status: 200, headers: { ...headersOf(properties), "content-length": String(properties.size) } };
}

function headersOf({ name, etag, lastModifiedMs }: BlobProperties): Record<string, string> {
  return {
    "accept-ranges": "bytes",
    "content-type": contentTypeOf(basename(name)),
    "content-disposition": attachment(basename(name)),
    "content-security-policy": "sandbox",
    etag: quoted(etag),
    "last-modified": new Date(lastModifiedMs).toUTCString(),
  };
}

/** What a browser would run or resolve as a document of this site. An SVG does neither as the image that its type makes it. */
const RUNS = /^(?:text\/(?:html|xml|javascript|css)|application\/(?:xml|(?:java|ecma)script|wasm)|.*\+xml)$/;

/**
 * The type that a file is served with: by its name, never by what its uploader said or its content looks like, and plain text for what would be
 * active.
 */
export function contentTypeOf(filename: string): string {
  const type = mime.getType(filename) ?? "application/octet-stream";
  if (type === "image/svg+xml") return type;
  return RUNS.test(type) ? "text/plain; charset=utf-8" : type;
}
