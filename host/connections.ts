import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type PlaceLimits, Places } from "./places.ts";

/** How patient the host is with clients: none of them may hold it by being slow, silent or many. */
export interface ClientLimits extends PlaceLimits {
  /** The longest head of a request. */
  readonly headBytes: number;
  /** For the head of a request. */
  readonly headersMs: number;
  /** How long a half-sent request or a client that has stopped reading may be silent. An upload that moves may take all day. */
  readonly stalledMs: number;
  /** What must come of a body, on average over each `bodyWindowMs`. */
  readonly bodyBytesPerSecond: number;
  readonly bodyWindowMs: number;
  /** How long what is left of a body is read and dropped after the answer, so that its sender sees the answer, and may ask again. */
  readonly lingerMs: number;
  /** Requests of one connection that wait for their answers; it ends when there are more. Clients send one after the other. */
  readonly requestsAtOnce: number;
}

export const CLIENT_LIMITS: ClientLimits = {
  headBytes: 64 * 1024,
  headersMs: 30_000,
  stalledMs: 120_000,
  bodyBytesPerSecond: 500,
  bodyWindowMs: 30_000,
  lingerMs: 30_000,
  requestsAtOnce: 32,
  connections: 4000,
  connectionsPerAddress: 1000,
};

interface Connection {
  /** Of its latest request; undefined before the first. */
  response: ServerResponse | undefined;
  /** When it began what it did last: to connect, to ask, to send a part of a body. */
  windowFromMs: number;
  /** What it had received before that. */
  bytesBefore: number;
  /** Requests that are not answered yet. */
  unanswered: number;
  isRefused: boolean;
}

/** Faults that no request is to be answered for, by node's codes. */
type Refusal = readonly [status: string, detail: string];

function refusalOf(code: string, { headBytes }: ClientLimits): Refusal {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return ["431 Request Header Fields Too Large", `The head of a request may have ${headBytes >> 10} KB at most.`];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return ["408 Request Timeout", "The request came too slowly."];
    default:
      return ["400 Bad Request", "This is no HTTP request."];
  }
}

const CLIENT_LEFT: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/** The open connections of a server. */
export class Connections {
  readonly #connections = new Map<Socket, Connection>();
  readonly #limits: ClientLimits;
  readonly #watch: NodeJS.Timeout;

  constructor(server: Server, limits: ClientLimits) {
    this.#limits = limits;
    const places = new Places(limits, (socket) => idleSince(socket, this.#connections.get(socket)));
    server.on("connection", (socket: Socket) => {
      if (!places.take(socket)) return socket.destroy();
      const windowFromMs = performance.now();
      this.#connections.set(socket, {
        response: undefined,
        windowFromMs,
        bytesBefore: 0,
        unanswered: 0,
        isRefused: false,
      });
      socket.once("close", () => this.#connections.delete(socket));
    });
    server.setTimeout(limits.stalledMs, (socket: Socket) => {
      if (!isWaitingForFunction(socket, this.#connections.get(socket)?.response)) socket.destroy();
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#refuse(socket as Socket, error.code));
    this.#watch = setInterval(() => this.#endSlowBodies(), Math.min(limits.bodyWindowMs / 4, 5000)).unref();
    server.once("close", () => clearInterval(this.#watch));
  }

  /** A request has come. False: it is one too many, and nothing is to be done. */
  begin(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (!connection || socket.destroyed) return false;
    if (connection.unanswered >= this.#limits.requestsAtOnce) {
      // At once: while an answer is awaited, node would go on reading requests by the thousand.
      socket.destroy();
      return false;
    }
    connection.unanswered++;
    connection.response = response;
    connection.windowFromMs = performance.now();
    connection.bytesBefore = socket.bytesRead;
    return true;
  }

  /** What it asked for is done. */
  answered(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection) connection.unanswered--;
    if (request.complete) return;
    const drop = () => dropRest(request, this.#limits.lingerMs);
    if (response.writableFinished) drop();
    else response.once("finish", drop);
  }

  /** Whether a client still has an answer to take. */
  isWriting(): boolean {
    return this.#connections.keys().some((socket) => socket.writableLength > 0);
  }

  /** Says why a client is not served any more, when what it has asked for before is answered, and hangs up. */
  #refuse(socket: Socket, code = ""): void {
    const connection = this.#connections.get(socket);
    if (connection?.isRefused) return;
    if (connection) connection.isRefused = true;
    const response = connection?.response;
    const refusal = CLIENT_LEFT.has(code) ? undefined : refusalOf(code, this.#limits);
    if (refusal && isBeingAnswered(response)) response.once("close", () => hangUp(socket, refusal));
    else hangUp(socket, response?.headersSent && !response.writableFinished ? undefined : refusal);
  }

  #endSlowBodies(): void {
    const nowMs = performance.now();
    for (const [socket, connection] of this.#connections) {
      if (this.#isTooSlow(socket, connection, nowMs)) this.#refuse(socket, "ERR_HTTP_REQUEST_TIMEOUT");
    }
  }

  /** Whether a window has passed in which too little came. What is received, but not read yet, is the function's slowness. */
  #isTooSlow(socket: Socket, connection: Connection, nowMs: number): boolean {
    const { response, windowFromMs, bytesBefore } = connection;
    const { bodyWindowMs, bodyBytesPerSecond } = this.#limits;
    if (!response || response.req.complete || nowMs - windowFromMs < bodyWindowMs) return false;
    const received = socket.bytesRead - bytesBefore;
    const isSlow = received < (bodyBytesPerSecond * (nowMs - windowFromMs)) / 1000;
    connection.windowFromMs = nowMs;
    connection.bytesBefore = socket.bytesRead;
    return isSlow && response.req.readableLength === 0;
  }
}

/** Idle is who has not asked for anything yet, as far as can be told, who has been answered, and who has stopped in the middle of a body. */
function idleSince(socket: Socket, connection: Connection | undefined): number | undefined {
  if (!connection) return undefined;
  const { response, windowFromMs, bytesBefore } = connection;
  if (!response) return windowFromMs;
  const isIdle = response.req.complete ? response.writableFinished : socket.bytesRead === bytesBefore;
  return isIdle ? windowFromMs : undefined;
}

/** Whether a request has come whole, so that it is carried out, and its answer is not on its way yet as a whole. */
function isBeingAnswered(response: ServerResponse | undefined): response is ServerResponse {
  return response?.req.complete === true && !response.writableFinished && !response.destroyed;
}

/**
 * A total time for a request would break long uploads, so what counts is silence: of a client in the middle of its request, of one that
 * does not take its answer, of one that has nothing more to ask. A function that thinks is not silence of the client.
 */
function isWaitingForFunction(socket: Socket, response: ServerResponse | undefined): boolean {
  return isBeingAnswered(response) && socket.writableLength === 0;
}

/** The answer is given, but the body is not read: the connection can serve nothing else before it is. */
function dropRest(request: IncomingMessage, lingerMs: number): void {
  if (request.complete) return;
  const late = setTimeout(() => request.socket.destroy(), lingerMs).unref();
  request.once("close", () => clearTimeout(late));
  request.unpipe();
  request.resume();
}

function hangUp(socket: Socket, refusal: Refusal | undefined): void {
  if (refusal && socket.writable) {
    const [status, detail] = refusal;
    const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n`;
    socket.write(`${head}Content-Length: ${detail.length + 1}\r\n\r\n${detail}\n`);
  }
  socket.destroySoon();
}
