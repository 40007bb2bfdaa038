import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { attachment, basename } from "../shared/content-disposition.ts";
import type { EmbeddedStores } from "../shared/drivers/embedded/open-embedded.ts";
import { blockOf, SIGNED_BLOBS_PATH } from "../shared/drivers/files/signed-blobs.ts";
import { getRanged, mayAnswer, quoted } from "../shared/http/ranges.ts";
import type { BlobProperties } from "../shared/stores/blob-store.ts";
import type { Clock } from "../shared/stores/clock.ts";
import { AlreadyExists, InvalidArgument, PreconditionFailed, TooLarge } from "../shared/stores/errors.ts";

const CLIENT_LEFT = new Set(["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED"]);

type Stores = Pick<EmbeddedStores, "blobs" | "signedBlobs">;

interface Target {
  readonly name: string;
  readonly parameters: URLSearchParams;
}

/** An answer that is no success, in the words of Azure Blob Storage. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/**
 * Serves the URLs that the embedded BlobStore signs: GET and HEAD (with one Range) read, PUT stages the block that was signed for.
 * @returns whether the request was for a blob and is answered
 * @throws what went wrong inside, after answering 500, so that the caller can log it
 */
export function serveSignedBlob(
  stores: Stores,
  clock: Clock,
): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> | false {
  const serve = async (url: string, request: IncomingMessage, response: ServerResponse) => {
    try {
      await answer(stores, clock, targetOf(url), request, response);
    } catch (error) {
      refuse(response, error);
      if (isFault(error)) throw error;
    }
    return true;
  };
  return (request, response) => {
    const url = request.url ?? "";
    return url.startsWith(SIGNED_BLOBS_PATH) && serve(url, request, response);
  };
}

/** Not by `new URL`, which would resolve `..` before anybody has looked at the name. */
function targetOf(url: string): Target {
  const [path = "", query = ""] = url.split("?", 2);
  try {
    const name = decodeURIComponent(path.slice(SIGNED_BLOBS_PATH.length));
    return { name, parameters: new URLSearchParams(query) };
  } catch {
    throw new Refusal(400, "InvalidUri", "The path is not validly encoded.");
  }
}

async function answer(
  stores: Stores,
  clock: Clock,
  target: Target,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const { name, parameters } = target;
  const reads = request.method === "GET" || request.method === "HEAD";
  if (!reads && request.method !== "PUT")
    throw new Refusal(405, "UnsupportedHttpVerb", "Only GET, HEAD and PUT are served.");
  const block = reads ? undefined : blockOf(parameters);
  const access = reads ? "read" : block !== undefined && { block };
  if (!access || !stores.signedBlobs.allows(name, access, parameters, clock.now())) {
    throw new Refusal(403, "AuthorizationFailure", "The signature is wrong, has expired, or allows something else.");
  }
  if (block === undefined) await download(stores, target, request, response);
  else await stageBlock(stores, name, block, request, response);
}

async function download({ blobs }: Stores, { name }: Target, request: IncomingMessage, response: ServerResponse) {
  if (request.method === "HEAD") {
    const properties = await blobs.head(name);
    if (properties === undefined) throw absent();
    if (!mayAnswer(request.headers["if-match"], properties)) throw changed();
    response.writeHead(200, downloadHeaders(properties, properties.size)).end();
    return;
  }
  const ranged = await getRanged(blobs, name, (header) => request.headers[header] as string | undefined);
  if (ranged === undefined) throw absent();
  if (ranged.status === 412) throw changed();
  if (ranged.status === 416) {
    throw new Refusal(416, "InvalidRange", "The range is empty, or begins behind the end.", {
      "Content-Range": `bytes */${ranged.properties.size}`,
    });
  }
  const { properties, body } = ranged.found;
  if (ranged.status === 200) response.writeHead(200, downloadHeaders(properties, properties.size));
  else {
    const { first, last } = ranged;
    const headers = { "Content-Range": `bytes ${first}-${last}/${properties.size}` };
    response.writeHead(206, { ...downloadHeaders(properties, last - first + 1), ...headers });
  }
  await pipeline(body, response);
}

/** The content may be anything, so a browser must neither guess its type nor run it with the rights of this host. */
function downloadHeaders(properties: BlobProperties, length: number): Record<string, string> {
  return {
    ...propertyHeaders(properties),
    "Accept-Ranges": "bytes",
    "Content-Type": properties.contentType,
    "Content-Disposition": attachment(basename(properties.name)),
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
    "Content-Length": String(length),
  };
}

function absent(): Refusal {
  return new Refusal(404, "BlobNotFound", "The blob does not exist.");
}

function changed(): Refusal {
  return new Refusal(412, "ConditionNotMet", "The blob is in another state than If-Match names.");
}

async function stageBlock(
  { blobs }: Stores,
  name: string,
  block: string,
  request: IncomingMessage,
  response: ServerResponse,
) {
  if (request.headers["content-range"] !== undefined)
    throw new Refusal(400, "InvalidHeaderValue", "Content-Range: a block is sent whole.");
  await blobs.stageBlock(name, block, request);
  response.writeHead(201, { "Content-Length": "0" }).end();
}

function propertyHeaders({ etag, lastModifiedMs }: BlobProperties): Record<string, string> {
  return { ETag: quoted(etag), "Last-Modified": new Date(lastModifiedMs).toUTCString() };
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, code, message, headers } = refusalOf(error);
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
  response.writeHead(status, { ...headers, "Content-Type": "application/xml", "x-ms-error-code": code });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** Whether the error is this host's, and not that of a client that went away. */
function isFault(error: unknown): boolean {
  return refusalOf(error).status === 500 && !CLIENT_LEFT.has(String((error as NodeJS.ErrnoException)?.code));
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof InvalidArgument) return new Refusal(400, "InvalidInput", error.message);
  if (error instanceof AlreadyExists) return new Refusal(409, "BlobAlreadyExists", error.message);
  if (error instanceof PreconditionFailed) return new Refusal(412, "ConditionNotMet", error.message);
  if (error instanceof TooLarge) return new Refusal(413, "RequestBodyTooLarge", error.message);
  return new Refusal(500, "InternalError", "The server met an error.");
}

function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`);
}
