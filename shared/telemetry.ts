import { AsyncLocalStorage } from "node:async_hooks";
import { type WorkQueue, withSend } from "./stores/work-queue.ts";

/** What the app was woken for: a request, a message, a tick of a timer. */
export interface Operation {
  readonly kind: "request" | "message" | "timer";
  /** The function; a request has a better name when its route is known. */
  readonly name: string;
  /** Names this one invocation, as the log does. */
  readonly invocationId: string;
  readonly method?: string;
  /** The W3C traceparent of what caused it. */
  readonly parent?: string;
  /** The traceparent of the Functions host, where something else was the cause. */
  readonly host?: string;
  /** Of a message: how long it lay in the queue since it could be seen. */
  readonly waitedSeconds?: number;
}

export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

export type Severity = "information" | "warning" | "error" | "critical";

/**
 * Where operations are reported to.
 *
 * Laws: what is sent, counted or logged while `run` works belongs to that operation, across every `await`; what looks
 * like a credential is taken out of texts; a failure to report something never makes the work fail.
 */
export interface Telemetry {
  /** @param work returns the status of an answer, where there is one. Its error is reported and thrown on. */
  run<T>(operation: Operation, work: () => Promise<T>, statusOf: (result: T) => number | undefined): Promise<T>;
  /** Reports the sending of a message, which `send` gives the traceparent to carry. */
  send<T>(queue: string, send: (traceparent: string | undefined) => Promise<T>): Promise<T>;
  log(severity: Severity, message: string): void;
  /** Undefined outside operations. */
  current(): TraceIds | undefined;
  /** Settles when what was reported so far has been sent, or given up. */
  flush(): Promise<void>;
}

/** What a message carries besides its own members. */
interface MessageTrace {
  readonly parent?: string;
  /** From when on it could be received, in milliseconds since 1970. */
  readonly dueMs?: number;
}

let active: Telemetry | undefined;

/** Where the whole process reports to from now on; undefined: nowhere. */
export function reportTo(telemetry: Telemetry | undefined): void {
  active = telemetry;
}

const unreported = new AsyncLocalStorage<TraceIds>();

/** Does work as part of a trace, for log lines and messages, also where no telemetry is reported. */
export function inTrace<T>(trace: TraceIds, work: () => T): T {
  return unreported.run(trace, work);
}

/** The ids of the operation that is being reported, else of the trace that `inTrace` has begun. */
export function currentTrace(): TraceIds | undefined {
  return active?.current() ?? unreported.getStore();
}

/** The queue for the app: its messages carry the trace of what sends them. */
export function tracedQueue(queue: WorkQueue, clock: { now(): number }): WorkQueue {
  return withSend(queue, (name, body, delaySeconds) => {
    const trace = unreported.getStore();
    if (!body.startsWith("{") || !(active || trace)) return queue.send(name, body, delaySeconds);
    const dueMs = clock.now() + (delaySeconds ?? 0) * 1_000;
    const send = (parent: string | undefined) =>
      queue.send(name, JSON.stringify({ ...JSON.parse(body), trace: { parent, dueMs } }), delaySeconds);
    return active ? active.send(name, send) : send(trace && `00-${trace.traceId}-${trace.spanId}-01`);
  });
}

/** What a message carries of its sender. */
export function messageTrace(message: unknown): MessageTrace {
  return (message as { trace?: MessageTrace } | null | undefined)?.trace ?? {};
}
