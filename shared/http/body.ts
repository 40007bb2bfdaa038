import { invalid, WorkspaceError } from "../domain/errors.ts";
import type { ByteStream } from "../stores/blob-store.ts";
import { begin } from "../turns.ts";
import { type Caller, nameOf } from "./callers.ts";
import { JsonShape } from "./json-shape.ts";
import { Shares } from "./shares.ts";
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

const MEBIBYTE = 1024 * 1024;

/** The largest JSON body of a route, unless the route says otherwise; larger things are artifacts, which stream. */
export const JSON_BYTES = 2 * MEBIBYTE;
/** Of a route that takes many tags, params, points or parts at once. */
export const BATCH_BYTES = 16 * MEBIBYTE;
/** Of the route that takes the profiles of datasets. The largest of all. */
export const DATASETS_BYTES = 32 * MEBIBYTE;

/** What all half-read JSON bodies of this process may hold in memory together; small ones are always taken, so that large ones keep nobody out. */
const pending = new Shares(4 * DATASETS_BYTES);
const SMALL_BYTES = 256 * 1024;
/** What is smaller is made of JSON in an instant, whatever it is. */
const UNJUDGED_BYTES = 64 * 1024;

/**
 * The body, which is to be JSON, as text, when it is the caller's turn to have something made of it.
 * @param maxBytes of the route
 * @throws TooLarge; InvalidParameter when it is not UTF-8, is nested too deep or has too many values; Unavailable when many large ones of this
 * caller come at once
 */
export async function readText(request: AppRequest, caller: Caller, maxBytes = JSON_BYTES): Promise<string> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let holder: string | undefined;
  let size = 0;
  let shape: JsonShape | undefined;
  let judged = 0;
  let fault: Error | undefined;
  const take = (chunk: Uint8Array) => {
    if (holder === undefined && size + chunk.length > SMALL_BYTES) {
      pending.hold(undefined, -size);
      holder = nameOf(caller);
      pending.hold(holder, size);
    }
    size += chunk.length;
    pending.hold(holder, chunk.length);
    chunks.push(chunk);
    if (size > maxBytes) fault = tooLarge(maxBytes);
    else if (holder !== undefined && pending.isTooMuch(holder)) fault = tooManyBodies();
    else if (size > UNJUDGED_BYTES) {
      shape ??= new JsonShape();
      fault = shape.faultIn(chunks.slice(judged));
      judged = chunks.length;
    }
    return fault === undefined;
  };
  try {
    await readEach(request.body, take);
    const turn = fault ? undefined : begin();
    if (turn) await turn;
  } finally {
    pending.hold(holder, -size);
  }
  if (fault) throw fault;
  return decodeUtf8(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
}

/** JSON that came as a text within JSON. @throws InvalidParameter when it is nested too deep or has too many values */
export function requireModestJson(text: string): string {
  const fault = text.length > UNJUDGED_BYTES ? new JsonShape().faultIn([Buffer.from(text)]) : undefined;
  if (fault) throw fault;
  return text;
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

function tooLarge(maxBytes: number): Error {
  return new WorkspaceError(
    "TooLarge",
    `The request body is larger than the ${maxBytes} bytes that this operation takes.`,
  );
}

function tooManyBodies(): Error {
  return new WorkspaceError(
    "Unavailable",
    "The server is reading too many large request bodies of yours at once. Try again.",
  );
}
