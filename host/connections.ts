import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** How patient the host is with clients: none of them may hold it by being slow, silent or many. */
export interface ClientLimits {
  /** For the head of a request. */
  readonly headersMs: number;
  /** How long a half-sent request or a client that has stopped reading may be silent. An upload that moves may take all day. */
  readonly stalledMs: number;
  /** What must come of a body, on average over each `bodyWindowMs`. */
  readonly bodyBytesPerSecond: number;
  readonly bodyWindowMs: number;
  /** How long what is left of a body is read and dropped after the answer, so that its sender sees the answer, and may ask again. */
  readonly lingerMs: number;
  readonly connections: number;
}

export const CLIENT_LIMITS: ClientLimits = {
  headersMs: 30_000,
  stalledMs: 120_000,
  bodyBytesPerSecond: 500,
  bodyWindowMs: 30_000,
  lingerMs: 30_000,
  connections: 4000,
};

/** The latest request of a connection. */
interface Exchange {
  readonly response: ServerResponse;
  windowFromMs: number;
  /** What the connection had received before the window. */
  bytesBefore: number;
}

/** Faults that no request is to be answered for, by node's codes. */
const REFUSALS: Record<string, readonly [status: string, detail: string]> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "The head of a request may have 16 KB at most."],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request came too slowly."],
};
const MALFORMED = ["400 Bad Request", "This is no HTTP request."] as const;

/** The open connections of a server. */
export class Connections {
  readonly #exchanges = new Map<Socket, Exchange | undefined>();
  readonly #limits: ClientLimits;
  readonly #watch: NodeJS.Timeout;

  constructor(server: Server, limits: ClientLimits) {
    this.#limits = limits;
    server.maxConnections = limits.connections;
    server.on("connection", (socket) => {
      this.#exchanges.set(socket, undefined);
      socket.once("close", () => this.#exchanges.delete(socket));
    });
    server.setTimeout(limits.stalledMs, (socket: Socket) => {
      if (!isWaitingForFunction(socket, this.#exchanges.get(socket)?.response)) socket.destroy();
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      refuse(socket as Socket, error.code, this.#exchanges.get(socket as Socket)?.response);
    });
    this.#watch = setInterval(() => this.#endSlowBodies(), Math.min(limits.bodyWindowMs / 4, 5000)).unref();
    server.once("close", () => clearInterval(this.#watch));
  }

  /** A request has come. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#exchanges.set(socket, { response, windowFromMs: performance.now(), bytesBefore: socket.bytesRead });
  }

  /** What it asked for is done. */
  answered(request: IncomingMessage, response: ServerResponse): void {
    if (request.complete) return;
    const drop = () => dropRest(request, this.#limits.lingerMs);
    if (response.writableFinished) drop();
    else response.once("finish", drop);
  }

  /** Whether a client still has an answer to take. */
  isWriting(): boolean {
    return this.#exchanges.keys().some((socket) => socket.writableLength > 0);
  }

  #endSlowBodies(): void {
    const nowMs = performance.now();
    for (const [socket, exchange] of this.#exchanges) {
      if (exchange && this.#isTooSlow(socket, exchange, nowMs))
        refuse(socket, "ERR_HTTP_REQUEST_TIMEOUT", exchange.response);
    }
  }

  /** Whether a window has passed in which too little came. What is received, but not read yet, is the function's slowness. */
  #isTooSlow(socket: Socket, exchange: Exchange, nowMs: number): boolean {
    const { response, windowFromMs, bytesBefore } = exchange;
    const { bodyWindowMs, bodyBytesPerSecond } = this.#limits;
    if (response.req.complete || nowMs - windowFromMs < bodyWindowMs) return false;
    const received = socket.bytesRead - bytesBefore;
    const isSlow = received < (bodyBytesPerSecond * (nowMs - windowFromMs)) / 1000;
    exchange.windowFromMs = nowMs;
    exchange.bytesBefore = socket.bytesRead;
    return isSlow && response.req.readableLength === 0;
  }
}

/**
 * A total time for a request would break long uploads, so what counts is silence: of a client in the middle of its request, of one that
 * does not take its answer, of one that has nothing more to ask. A function that thinks is not silence of the client.
 */
function isWaitingForFunction(socket: Socket, response: ServerResponse | undefined): boolean {
  return response?.req.complete === true && !response.writableFinished && socket.writableLength === 0;
}

/** The answer is given, but the body is not read: the connection can serve nothing else before it is. */
function dropRest(request: IncomingMessage, lingerMs: number): void {
  if (request.complete) return;
  const late = setTimeout(() => request.socket.destroy(), lingerMs).unref();
  request.once("close", () => clearTimeout(late));
  request.unpipe();
  request.resume();
}

/** Says why, if anything can still be said, and hangs up. */
function refuse(socket: Socket, code = "", response?: ServerResponse): void {
  const isAnswering = response?.headersSent && !response.writableFinished;
  const [status, detail] = REFUSALS[code] ?? MALFORMED;
  if (socket.writable && !isAnswering && code !== "ECONNRESET") {
    const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n`;
    socket.write(`${head}Content-Length: ${detail.length + 1}\r\n\r\n${detail}\n`);
  }
  socket.destroySoon();
}
