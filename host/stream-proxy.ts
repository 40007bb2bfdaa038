import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from "node:http";
import { MAX_BODY_BYTES } from "./limits.ts";

interface Forwarding {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path and query. */
  readonly target: string;
  /** The body when it was read already. */
  readonly body: Buffer | undefined;
  /** Where the library listens. */
  readonly proxy: URL;
  readonly invocationId: string;
  readonly timeoutMs: number;
}

const agent = new Agent({ keepAlive: true });
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
];

/**
 * Hands a request on to the library's proxy and its answer back, as the Functions host does in stream mode. Settles when the exchange
 * is over, whichever way: a proxy that stays silent is 504, a broken one 502, a chunked body over the limit 500.
 */
export function forwardToWorker(forwarding: Forwarding): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { request, response, body, proxy, target, timeoutMs } = forwarding;
  const upstream = httpRequest({
    agent,
    hostname: proxy.hostname,
    port: proxy.port,
    method: request.method,
    path: target,
    headers: forwardedHeaders(forwarding),
    timeout: timeoutMs,
  });
  const give = (status: number) => {
    upstream.destroy();
    if (!response.headersSent) response.writeHead(status, { "content-length": "0", connection: "close" }).end();
    else if (!response.writableEnded) response.destroy();
    resolve();
  };
  upstream.on("timeout", () => give(504));
  upstream.on("error", () => give(502));
  upstream.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, withoutHopByHop(answer.headers));
    answer.on("error", () => give(502));
    answer.pipe(response);
  });
  response.on("close", () => {
    upstream.destroy();
    resolve();
  });
  sendBody(request, upstream, body, () => give(500));
  return promise;
}

/**
 * `pipe`, not `pipeline`: that one would destroy the client's connection when the function answers before it has read everything, and
 * the client would never see the answer.
 */
function sendBody(
  request: IncomingMessage,
  upstream: ClientRequest,
  body: Buffer | undefined,
  refuse: () => void,
): void {
  if (body || request.headers["transfer-encoding"] === undefined) {
    upstream.end(body);
    return;
  }
  let received = 0;
  request.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received > MAX_BODY_BYTES) refuse();
  });
  request.pipe(upstream);
}

function forwardedHeaders({ request, invocationId, proxy, body }: Forwarding): OutgoingHttpHeaders {
  const { host, "transfer-encoding": chunked } = request.headers;
  return {
    "x-forwarded-proto": "http",
    ...withoutHopByHop(request.headers),
    ...(body ? { "content-length": body.length } : chunked && { "transfer-encoding": "chunked" }),
    host: proxy.host,
    "x-forwarded-host": host,
    "x-ms-invocation-id": invocationId,
  };
}

function withoutHopByHop(headers: IncomingMessage["headers"]): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
}
