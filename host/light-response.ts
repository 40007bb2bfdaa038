import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Cookie, serializeCookie } from "./cookies.ts";

/** The members of the library's `HttpResponseInit`; its `HttpResponse` has them too. */
interface ResponseInit {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, unknown>> | Iterable<readonly [string, string]>;
  readonly body?: unknown;
  readonly jsonBody?: unknown;
  readonly cookies?: readonly Cookie[];
}

interface Head {
  readonly status: number;
  /** Names and values in turn, as `writeHead` takes them. */
  readonly headers: string[];
  hasContentType: boolean;
  hasContentLength: boolean;
}

/** As the library's proxy: these belong to the connection, not to the answer. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "trailers",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Writes what a handler returned. Nothing returned is 204, as in Azure. A stream is piped with backpressure, and destroyed when the
 * client leaves.
 * @returns a promise for streamed bodies, which fails when the stream fails or the client leaves
 * @throws TypeError or RangeError, before anything is written, for what is no HTTP answer
 */
export function writeResponse(response: ServerResponse, result: unknown): Promise<void> | undefined {
  if (result === undefined || result === null) {
    response.writeHead(204).end();
    return undefined;
  }
  if (typeof result !== "object") {
    throw new TypeError(
      `An HTTP function must return an object with status, headers and body, not a ${typeof result}.`,
    );
  }
  const init = result as ResponseInit;
  const head = startHead(init);
  if (isBodiless(head.status)) {
    discard(init.body);
    response.writeHead(head.status, head.headers).end();
    return undefined;
  }
  return writeBody(response, head, bodyOf(init, head));
}

function startHead({ status = 200, headers, cookies }: ResponseInit): Head {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`An HTTP function returned status ${status}; it must be a whole number from 200 to 599.`);
  }
  const head: Head = { status, headers: [], hasContentType: false, hasContentLength: false };
  if (headers) for (const [name, value] of headerPairs(headers)) addHeader(head, name, value);
  for (const cookie of cookies ?? []) head.headers.push("set-cookie", serializeCookie(cookie));
  return head;
}

function headerPairs(headers: NonNullable<ResponseInit["headers"]>): Iterable<readonly [string, unknown]> {
  return Symbol.iterator in headers ? (headers as Iterable<readonly [string, string]>) : Object.entries(headers);
}

function addHeader(head: Head, name: string, value: unknown): void {
  const key = name.toLowerCase();
  if (CONNECTION_HEADERS.has(key)) return;
  if (key === "content-type") head.hasContentType = true;
  if (key === "content-length") head.hasContentLength = true;
  head.headers.push(key, String(value));
}

function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/** The body as something to write, with the content type that fetch's `Response` would give it. */
function bodyOf(init: ResponseInit, head: Head): unknown {
  if (init.jsonBody !== undefined && init.jsonBody !== null) {
    if (!head.hasContentType) addHeader(head, "content-type", "application/json");
    return JSON.stringify(init.jsonBody);
  }
  const { body } = init;
  if (typeof body === "string") {
    if (!head.hasContentType) addHeader(head, "content-type", "text/plain;charset=UTF-8");
    return body;
  }
  if (body instanceof ArrayBuffer) return Buffer.from(body);
  if (ArrayBuffer.isView(body)) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (body instanceof Blob || body instanceof FormData || body instanceof URLSearchParams) {
    const converted = new Response(body);
    const contentType = converted.headers.get("content-type");
    if (!head.hasContentType && contentType) addHeader(head, "content-type", contentType);
    return converted.body;
  }
  return body;
}

function writeBody(response: ServerResponse, head: Head, body: unknown): Promise<void> | undefined {
  const isHead = response.req.method === "HEAD";
  if (body === undefined || body === null || typeof body === "string" || Buffer.isBuffer(body)) {
    if (!head.hasContentLength && (body || !isHead))
      head.headers.push("content-length", String(byteLength(body ?? "")));
    response.writeHead(head.status, head.headers).end(isHead ? undefined : (body ?? undefined));
    return undefined;
  }
  const source = readableOf(body);
  response.writeHead(head.status, head.headers);
  if (!isHead) return pipeline(source, response);
  source.destroy();
  response.end();
  return undefined;
}

function byteLength(body: string | Buffer): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.length;
}

function readableOf(body: unknown): Readable {
  if (body instanceof Readable) return body;
  if (body instanceof ReadableStream) return Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  if (typeof body === "object" && body !== null && (Symbol.asyncIterator in body || Symbol.iterator in body)) {
    return Readable.from(body as AsyncIterable<unknown>);
  }
  throw new TypeError("The body of an HTTP answer must be a text, bytes, a stream or an async iterable of bytes.");
}

/** Frees a stream that nobody will read. */
function discard(body: unknown): void {
  if (body instanceof Readable) body.destroy();
  else if (body instanceof ReadableStream) void body.cancel();
}
