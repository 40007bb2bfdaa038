import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** What happens to one request. */
export type Fault =
  /** Answered in the service's stead. */
  | { readonly status: number; readonly code?: string; readonly headers?: Record<string, string> }
  /** The connection is reset before the request reaches the service. */
  | "reset"
  /** The service carries it out, but the connection is reset before the answer. */
  | "answer lost"
  /** The connection is reset when so many bytes of the answer's body have passed. */
  | { readonly cutAfterBytes: number }
  /** A slow line: each 64 KB of the request's body take so long. */
  | { readonly msPerPiece: number }
  /** Something happens first; then the request passes. */
  | { readonly first: () => Promise<unknown> };

export interface FaultyProxy {
  /** The endpoint behind the proxy. */
  readonly url: string;
  /** Method and URL of every request, in order. */
  readonly requests: string[];
  /** The next requests whose `METHOD /url` matches meet these faults, one each. */
  meet(pattern: RegExp, ...faults: readonly Fault[]): void;
  /** Forgets requests, and faults that nothing has met. */
  reset(): void;
  close(): void;
}

/** Stands before an http endpoint, and does what networks and busy services do. */
export async function faultyProxy(endpoint: string): Promise<FaultyProxy> {
  const target = new URL(endpoint);
  const requests: string[] = [];
  const planned: { pattern: RegExp; fault: Fault }[] = [];
  const faultOf = (line: string): Fault | undefined => {
    const index = planned.findIndex(({ pattern }) => pattern.test(line));
    return index < 0 ? undefined : planned.splice(index, 1)[0]?.fault;
  };
  const server = createServer((incoming, outgoing) => {
    const line = `${incoming.method} ${incoming.url}`;
    requests.push(line);
    void serve(target, incoming, outgoing, faultOf(line));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    requests,
    meet: (pattern, ...faults) => void planned.push(...faults.map((fault) => ({ pattern, fault }))),
    reset() {
      requests.length = 0;
      planned.length = 0;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function serve(target: URL, incoming: IncomingMessage, outgoing: ServerResponse, fault?: Fault): Promise<void> {
  if (fault === "reset") return void incoming.socket.resetAndDestroy();
  const isSlow = typeof fault === "object" && "msPerPiece" in fault;
  const body = isSlow ? await slowly(incoming, fault.msPerPiece) : await buffer(incoming);
  if (typeof fault === "object" && "status" in fault) return answerWith(fault, outgoing);
  if (typeof fault === "object" && "first" in fault) await fault.first();
  const answer = await forward(target, incoming, body);
  if (fault === "answer lost") {
    await buffer(answer);
    return void incoming.socket.resetAndDestroy();
  }
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
  if (typeof fault === "object" && "cutAfterBytes" in fault) return cut(answer, outgoing, fault.cutAfterBytes);
  answer.pipe(outgoing);
}

async function slowly(incoming: IncomingMessage, msPerPiece: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) {
    pieces.push(piece);
    await sleep((msPerPiece * piece.length) / 65_536);
  }
  return Buffer.concat(pieces);
}

function answerWith({ status, code, headers }: Extract<Fault, { status: number }>, outgoing: ServerResponse): void {
  outgoing.writeHead(status, { ...headers, ...(code === undefined ? {} : { "x-ms-error-code": code }) });
  outgoing.end();
}

function forward(target: URL, { method, url, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { host: _, ...rest } = headers;
    const { hostname, port } = target;
    request({ hostname, port, method, path: url, headers: rest }, resolve).once("error", reject).end(body);
  });
}

async function cut(answer: IncomingMessage, outgoing: ServerResponse, afterBytes: number): Promise<void> {
  const body = (await buffer(answer)).subarray(0, afterBytes);
  outgoing.write(body, () => setImmediate(() => outgoing.socket?.destroy()));
}
