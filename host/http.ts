import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isForeignOrigin } from "../shared/http/origin.ts";
import { CLIENT_LIMITS, type ClientLimits, Connections } from "./connections.ts";
import { StartError } from "./errors.ts";
import type { ServeFunction } from "./light-http.ts";
import { describeError, type Log } from "./log.ts";
import { foreignHeader, isHost } from "./loopback.ts";
import { readPath } from "./paths.ts";
import type { Router } from "./routes.ts";

// An ES import of this module evaluates all its members, one of which loads an HTTP client that takes 25 ms.
const { createServer } = process.getBuiltinModule("node:http");

/** Looks at a request before the functions do; true when it has answered. */
export type Intercept = (request: IncomingMessage, response: ServerResponse) => Promise<boolean> | false;

export interface HttpOptions {
  readonly hostname: string;
  /** Callers bring credentials, and the app checks them: from wherever they come. */
  readonly authenticated: boolean;
  /** Of pages that may call it from a browser besides its own. */
  readonly origins: readonly string[];
  /** 0 chooses a free one. */
  readonly port: number;
  readonly router: Router;
  readonly serve: ServeFunction;
  readonly intercept: readonly Intercept[];
  /** Answers below `/admin/`. */
  readonly admin: (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>;
  readonly log: Log;
  readonly clientLimits?: Partial<ClientLimits>;
}

export interface HttpListener {
  readonly port: number;
  /** Takes no more requests, lets running ones finish for at most `graceMs`, then breaks what is left. */
  close(graceMs: number): Promise<void>;
}

/** Longer than clients keep idle connections, so that they seldom meet one that is just being closed. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const CLOSE_POLL_MS = 10;
const ADMIN_PATH = /^\/admin\//i;
const PING_PATH = /^\/admin\/host\/ping$/i;

/**
 * Listens for HTTP requests and hands them to functions.
 * @throws an Error that says what to do when the port is taken or may not be used
 */
export async function listenForHttp(options: HttpOptions): Promise<HttpListener> {
  const limits = { ...CLIENT_LIMITS, ...options.clientLimits };
  const state = { running: 0, closing: false };
  const server = createServer({
    maxHeaderSize: limits.headBytes,
    requestTimeout: 0,
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: Math.min(limits.headersMs / 4, 5000),
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  });
  const connections = new Connections(server, limits);
  server.on("request", async (request, response) => {
    if (state.closing) return answer(response, 503);
    if (!connections.begin(request, response)) return;
    state.running++;
    try {
      await handle(options, request, response);
    } catch (error) {
      answerHostFault(options.log, response, error);
    } finally {
      state.running--;
      connections.answered(request, response);
    }
  });
  const port = await listen(server, options.hostname, options.port);
  return { port, close: (graceMs) => closeServer(server, connections, state, graceMs) };
}

async function handle(options: HttpOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const foreign = options.authenticated ? undefined : foreignHeader(request.headers);
  if (foreign) return refuseForeign(request, response, foreign);
  if (options.authenticated && !isHost(request.headers.host)) return answer(response, 400);
  if (options.authenticated && isForeign(options, request)) return refuseOrigin(request, response);
  for (const intercept of options.intercept) {
    const answering = intercept(request, response);
    if (answering && (await answering)) return;
  }
  const target = originForm(request.url ?? "/", request.headers.host);
  if (target === undefined) return answer(response, 400);
  const mark = target.indexOf("?");
  const path = readPath(mark < 0 ? target : target.slice(0, mark));
  if (path === undefined) return refusePath(response);
  if (ADMIN_PATH.test(path.decoded)) return answerAdmin(options, request, response, path.decoded);
  const match = options.router.match(request.method ?? "GET", path.decoded);
  if (!match) return answer(response, 404);
  await options.serve(request, response, mark < 0 ? path.encoded : path.encoded + target.slice(mark), match);
}

async function answerAdmin(
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  // The host's own API knows no credentials; that it is there is all it tells others.
  if (options.authenticated && !PING_PATH.test(path)) return answer(response, 404);
  // Whoever wrote another page of this machine has no business here.
  if (isForeign(options, request)) return refuseOrigin(request, response);
  await options.admin(request, response, path);
}

function isForeign({ origins }: HttpOptions, { headers }: IncomingMessage): boolean {
  return isForeignOrigin(headers.origin, headers.host, origins);
}

/**
 * Path and query of a request target; proxies send the absolute form, with the host that the header names too. Clients whose tracking address ends
 * with `//` put one slash too many in front.
 */
function originForm(target: string, host: string | undefined): string | undefined {
  if (target.startsWith("/")) return target[1] === "/" ? target.replace(/^\/+/, "/") : target;
  const url = URL.parse(target);
  return url && url.host === URL.parse(`http://${host}`)?.host ? url.pathname + url.search : undefined;
}

function refuseForeign(request: IncomingMessage, response: ServerResponse, header: "Host" | "Origin"): void {
  const value = header === "Host" ? request.headers.host : request.headers.origin;
  const text = `Refused: the ${header} header is ${JSON.stringify(value ?? "")}, not this machine (localhost, 127.0.0.1 or [::1]).\n`;
  response.writeHead(403, { "content-type": "text/plain; charset=utf-8", connection: "close" }).end(text);
}

function refuseOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin, host = "" } = request.headers;
  const text = `Refused: the Origin header is ${JSON.stringify(origin)}, not this server (${JSON.stringify(host)}).\n`;
  response.writeHead(403, { "content-type": "text/plain; charset=utf-8", connection: "close" }).end(text);
}

function refusePath(response: ServerResponse): void {
  const text = "The path of this request has a null, or characters that are not ASCII: they must be percent-encoded.\n";
  response.writeHead(400, { "content-type": "text/plain; charset=utf-8", connection: "close" }).end(text);
}

function answer(response: ServerResponse, status: number): void {
  response
    .writeHead(status, status === 404 ? { "content-length": "0" } : { "content-length": "0", connection: "close" })
    .end();
}

function answerHostFault(log: Log, response: ServerResponse, error: unknown): void {
  log({ level: "error", message: describeError(error) });
  if (response.headersSent) response.destroy();
  else answer(response, 500);
}

function listen(server: Server, hostname: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, hostname, port)));
  server.listen(port, hostname, () => resolve((server.address() as AddressInfo).port));
  return promise;
}

function listenError(error: NodeJS.ErrnoException, hostname: string, port: number): Error {
  switch (error.code) {
    case "EADDRINUSE":
      return new StartError(
        `Port ${port} on ${hostname} is in use. Stop the program that uses it, or choose another port with --port.`,
      );
    case "EACCES":
      return new StartError(`Port ${port} needs special rights. Choose one above 1023 with --port.`);
    case "EADDRNOTAVAIL":
      return new StartError(`This machine has no address ${hostname}. Choose another with --host.`);
    default:
      return error;
  }
}

async function closeServer(
  server: Server,
  connections: Connections,
  state: { running: number; closing: boolean },
  graceMs: number,
): Promise<void> {
  const deadline = performance.now() + graceMs;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  state.closing = true;
  const isBusy = () => state.running > 0 || connections.isWriting();
  while (isBusy() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
  server.closeAllConnections();
  await closed;
}
