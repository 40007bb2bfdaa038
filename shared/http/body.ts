import { invalid, WorkspaceError } from "../domain/errors.ts";
import type { ByteStream } from "../stores/blob-store.ts";
import type { AppRequest, RequestBody } from "./types.ts";

/**
 * The same body, but whoever stops in the middle of it has the rest read and dropped. The Functions library gives a connection with half a body in it
 * back to the platform, and the next request to come that way would be lost.
 */
export async function* toTheEnd(body: ByteStream): ByteStream {
  const chunks = body[Symbol.asyncIterator]();
  let isOver = false;
  const next = async () => {
    const result = await chunks.next().catch((error: unknown) => {
      isOver = true;
      throw error;
    });
    isOver = result.done === true;
    return result;
  };
  try {
    for (let result = await next(); !isOver; result = await next()) yield result.value;
  } finally {
    while (!isOver) await next();
  }
}

/** The largest JSON body; larger things are artifacts, which stream. */
export const MAX_JSON_BYTES = 32 * 1024 * 1024;

/** What all half-read JSON bodies of this process may hold in memory together; small ones are always taken, so that large ones keep nobody out. */
const MAX_PENDING_BYTES = 4 * MAX_JSON_BYTES;
const SMALL_BYTES = 256 * 1024;
let pendingBytes = 0;

/**
 * The body as text.
 * @throws TooLarge beyond MAX_JSON_BYTES; InvalidParameter when it is not UTF-8; Unavailable when many large ones come at once
 */
export async function readText(request: AppRequest): Promise<string> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > MAX_JSON_BYTES) throw tooLarge();
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  let fault: Error | undefined;
  const take = (chunk: Uint8Array) => {
    size += chunk.length;
    pendingBytes += chunk.length;
    chunks.push(chunk);
    if (size > MAX_JSON_BYTES) fault = tooLarge();
    else if (size > SMALL_BYTES && pendingBytes > MAX_PENDING_BYTES) fault = tooManyBodies();
    return fault === undefined;
  };
  try {
    await readEach(request.body, take);
  } finally {
    pendingBytes -= size;
  }
  if (fault) throw fault;
  return decodeUtf8(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
}

async function readEach(body: RequestBody, take: (chunk: Uint8Array) => boolean): Promise<void> {
  if (body.pushTo) return body.pushTo(take);
  for await (const chunk of body) if (!take(chunk)) return;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw invalid("The request body is not valid UTF-8.");
  }
}

function tooLarge(): Error {
  return new WorkspaceError("TooLarge", `The request body is larger than ${MAX_JSON_BYTES} bytes.`);
}

function tooManyBodies(): Error {
  return new WorkspaceError("Unavailable", "The server is reading too many large request bodies at once. Try again.");
}
