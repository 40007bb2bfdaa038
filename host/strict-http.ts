import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tooLargeForHost } from "../shared/http/large-uploads.ts";
import { flatHeaders, httpTriggerMetadata } from "./binding-data.ts";
import type { Cookie } from "./cookies.ts";
import type { ProgrammingModel, RpcHttpCookie, RpcHttpRequest, RpcHttpResponse } from "./core-types.ts";
import { type Invoker, invokeThroughLibrary } from "./invocation.ts";
import type { ServeFunction } from "./light-http.ts";
import { removePlatformHeaders } from "./light-request.ts";
import { writeResponse } from "./light-response.ts";
import { MAX_BODY_BYTES } from "./limits.ts";
import { describeError } from "./log.ts";
import type { RouteMatch } from "./routes.ts";
import { forwardToWorker } from "./stream-proxy.ts";

/** The Functions host's limits, in characters. */
const MAX_TARGET_LENGTH = 8192;
const MAX_QUERY_LENGTH = 4096;

const TOO_LONG = `Azure takes no address of more than ${MAX_TARGET_LENGTH} characters, nor a query of more than ${MAX_QUERY_LENGTH}.`;

interface StrictOptions {
  /** How long the Functions host waits for the app's proxy without a sign of life. */
  readonly forwardTimeoutMs: number;
}

interface StrictRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: string;
  readonly query: URLSearchParams;
  readonly match: RouteMatch;
  readonly body?: Buffer;
}

/** A library starts one proxy in its life, however many hosts use it. */
const capabilities = new WeakMap<ProgrammingModel, Promise<Record<string, string>>>();

/**
 * Serves requests exactly as Azure does, through the library's conversions: over its loopback proxy when the app asked for
 * `enableHttpStream`, else buffered.
 */
export async function createStrictHttp(invoker: Invoker, options: StrictOptions): Promise<ServeFunction> {
  const { HttpUri: proxyUrl } = await capabilitiesOf(invoker.app.model);
  const serve = proxyUrl
    ? (incoming: StrictRequest) => serveStreamed(invoker, new URL(proxyUrl), options, incoming)
    : (incoming: StrictRequest) => serveBuffered(invoker, incoming);
  return async (request, response, target, match) => {
    const mark = target.indexOf("?");
    const query = mark < 0 ? "" : target.slice(mark);
    if (target.length > MAX_TARGET_LENGTH || query.length > MAX_QUERY_LENGTH) {
      invoker.log({ level: "warning", functionName: match.definition.name, message: TOO_LONG });
      return answerEmpty(response, 414);
    }
    warnOfHang(invoker, request, match);
    removePlatformHeaders(request.headers);
    addForwardedFor(request);
    const announced = Number(request.headers["content-length"] ?? 0);
    if (announced > MAX_BODY_BYTES) return refuseLarge(invoker, response, match, announced);
    try {
      const body = await readSizedBody(request);
      await serve({ request, response, target, query: new URLSearchParams(query), match, body });
    } catch (error) {
      const { name: functionName } = match.definition;
      invoker.log({ level: "error", functionName, message: describeError(error) });
      answerEmpty(response, 500);
    }
  };
}

/** What has no cure in the app is told at least. */
function warnOfHang({ log }: Invoker, { headers }: IncomingMessage, { definition }: RouteMatch): void {
  if (headers["x-ms-invocation-id"] === undefined) return;
  const message =
    "In Azure this request would get no answer for four minutes: its client has sent the header x-ms-invocation-id, which the platform uses itself.";
  log({ level: "warning", functionName: definition.name, message });
}

/** As the front end in Azure does: whoever is connected comes last, behind what the request says itself. */
function addForwardedFor({ headers, socket }: IncomingMessage): void {
  const said = headers["x-forwarded-for"];
  headers["x-forwarded-for"] = [...(said === undefined ? [] : [said]), socket.remoteAddress ?? "unknown"].join(", ");
}

function capabilitiesOf(model: ProgrammingModel): Promise<Record<string, string>> {
  const known = capabilities.get(model) ?? model.getCapabilities({});
  capabilities.set(model, known);
  return known;
}

/** The Functions host says nothing but 500, and clients repeat that for minutes. Here they are told what to do, and the log what would be. */
function refuseLarge({ log }: Invoker, response: ServerResponse, { definition }: RouteMatch, bytes: number): void {
  const message = tooLargeForHost(bytes, MAX_BODY_BYTES);
  log({ level: "warning", functionName: definition.name, message: `In Azure this would be answered 500. ${message}` });
  const body = JSON.stringify({ error_code: "INVALID_PARAMETER_VALUE", message });
  response.writeHead(413, { "content-type": "application/json", connection: "close" }).end(body);
}

/** A body with a Content-Length is read whole before the function starts, whatever the mode. */
async function readSizedBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length === 0) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function serveBuffered(invoker: Invoker, incoming: StrictRequest): Promise<void> {
  const { definition } = incoming.match;
  const { returnValue } = await invokeThroughLibrary(invoker, definition, {
    data: { http: bufferedRequest(incoming) },
    metadata: httpTriggerMetadata({ ...incoming, headers: incoming.request.headers, params: incoming.match.params }),
    traceContext: traceContextOf(incoming.request),
  });
  const answer = returnValue?.http;
  await writeResponse(incoming.response, answer && bufferedResponse(answer));
}

/** Chunked bodies are dropped: the Functions host hands a buffered body on only when it knows its length. */
function bufferedRequest({ request, target, query, match, body }: StrictRequest): RpcHttpRequest {
  const pairs = [...new Set(query.keys())].map((name): [string, string] => [name, query.getAll(name).join(",")]);
  return {
    method: request.method ?? "GET",
    url: `http://${request.headers.host}${target}`,
    nullableHeaders: nullable(Object.entries(flatHeaders(request.headers))),
    nullableParams: nullable(Object.entries(match.params)),
    ...(pairs.length > 0 ? { nullableQuery: nullable(pairs) } : {}),
    ...(body ? { body: { bytes: body } } : {}),
  };
}

function nullable(pairs: readonly [string, string][]): Record<string, { value: string }> {
  return Object.fromEntries(pairs.map(([name, value]) => [name, { value }]));
}

function bufferedResponse({ statusCode, headers, body, cookies }: RpcHttpResponse): object {
  return { status: Number(statusCode), headers, body: body?.bytes, cookies: cookies.map(bufferedCookie) };
}

function bufferedCookie(cookie: RpcHttpCookie): Cookie {
  const { name, value, domain, path, expires, secure, httpOnly, sameSite, maxAge } = cookie;
  return {
    name,
    value,
    domain: domain?.value,
    path: path?.value,
    expires: expires && expires.value.seconds * 1000,
    secure: secure?.value,
    httpOnly: httpOnly?.value,
    sameSite: sameSite === "explicitNone" ? "None" : sameSite === "none" ? undefined : sameSite,
    maxAge: maxAge?.value,
  };
}

/** The host waits for the proxy's answer first and looks at the function's result only then: so a function that throws hangs. */
async function serveStreamed(
  invoker: Invoker,
  proxy: URL,
  options: StrictOptions,
  incoming: StrictRequest,
): Promise<void> {
  const { request, response, target, match, body } = incoming;
  const invocationId = randomUUID();
  const invocation = invokeThroughLibrary(invoker, match.definition, {
    invocationId,
    data: {},
    metadata: httpTriggerMetadata({ ...incoming, headers: request.headers, params: match.params }),
    traceContext: traceContextOf(request),
  });
  invocation.catch(() => {});
  await forwardToWorker({ request, response, target, body, proxy, invocationId, timeoutMs: options.forwardTimeoutMs });
  invocation.catch((error: unknown) => {
    const { name: functionName } = match.definition;
    invoker.log({ level: "error", functionName, invocationId, message: describeError(error) });
  });
}

function traceContextOf({ headers }: IncomingMessage): { traceParent: string; traceState: string } {
  return { traceParent: String(headers.traceparent ?? ""), traceState: String(headers.tracestate ?? "") };
}

function answerEmpty(response: ServerResponse, status: number): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { "content-length": "0", connection: "close" }).end();
}
