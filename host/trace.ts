import { randomBytes } from "node:crypto";
import { currentTrace, inTrace, messageTrace, type TraceIds } from "../shared/telemetry.ts";
import type { ServeFunction } from "./light-http.ts";
import type { Log } from "./log.ts";

/** Its cause's, or a new one. Ids are made when they are first asked for, since most work logs and sends nothing. */
class Trace implements TraceIds {
  readonly #parent: string;
  #traceId: string | undefined;
  #spanId: string | undefined;

  constructor(parent: string) {
    this.#parent = parent;
  }

  get traceId(): string {
    this.#traceId ??= /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-/.exec(this.#parent)?.[1] ?? randomHex(16);
    return this.#traceId;
  }

  get spanId(): string {
    this.#spanId ??= randomHex(8);
    return this.#spanId;
  }
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}

/**
 * Does what a request, a message or a timer asks for: what is logged and sent on the way belongs to one trace.
 * @param parent the W3C traceparent of what caused it
 */
export function beginTrace<T>(work: () => T, parent = ""): T {
  return inTrace(new Trace(parent), work);
}

/** Goes on with the trace of who sent the message. */
export function traceMessage<T>(message: unknown, work: () => T): T {
  return beginTrace(work, messageTrace(typeof message === "string" ? parsed(message) : message).parent);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Goes on with the traces of callers. */
export function traceRequests(serve: ServeFunction): ServeFunction {
  return (request, response, target, match) =>
    beginTrace(() => serve(request, response, target, match), request.headers.traceparent as string | undefined);
}

/** The log, told of each line to which trace it belongs. */
export function traceLines(log: Log): Log {
  return (line) => {
    const trace = currentTrace();
    log(trace ? { ...line, traceId: trace.traceId, spanId: trace.spanId } : line);
  };
}
