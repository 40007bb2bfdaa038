import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Context,
  type Histogram,
  type Meter,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { type Logger, SeverityNumber } from "@opentelemetry/api-logs";
import { parseTraceParent } from "@opentelemetry/core";
import { redact } from "../../redact.ts";
import { operationFound, requestCharged } from "../../signals.ts";
import type { Operation, Severity, Telemetry, TraceIds } from "../../telemetry.ts";

interface OpenTelemetryParts {
  readonly tracer: Tracer;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Operations are reported by the Functions host; ours are parts of them. */
  readonly hostReports: boolean;
  flush(): Promise<void>;
}

/** An operation while it runs. */
interface Running {
  readonly operation: Operation;
  readonly span: Span;
  readonly context: Context;
  /** Request units that it has cost so far. */
  charge: number;
}

const SEVERITIES: Readonly<Record<Severity, SeverityNumber>> = {
  information: SeverityNumber.INFO,
  warning: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  critical: SeverityNumber.FATAL,
};

/** What Application Insights shows as the name of an operation, where the exporter knows none. */
const OPERATION_NAME = "ai.operation.name";

/** Operations as spans; nothing is registered globally, and no library is instrumented. */
export class OpenTelemetry implements Telemetry {
  readonly #parts: OpenTelemetryParts;
  readonly #running = new AsyncLocalStorage<Running>();
  readonly #queueAge: Histogram;

  constructor(parts: OpenTelemetryParts) {
    this.#parts = parts;
    this.#queueAge = parts.meter.createHistogram("cairn.queue.age", {
      description: "How long messages wait until they are handled.",
      unit: "s",
    });
    operationFound.listen(({ name }) => this.#rename(name));
    requestCharged.listen(({ charge }) => {
      const running = this.#running.getStore();
      if (running) running.charge += charge;
    });
  }

  async run<T>(operation: Operation, work: () => Promise<T>, statusOf: (result: T) => number | undefined): Promise<T> {
    const { name, waitedSeconds } = operation;
    if (waitedSeconds !== undefined) this.#queueAge.record(waitedSeconds, { function: name });
    const span = this.#start(operation);
    const running: Running = { operation, span, context: trace.setSpan(ROOT_CONTEXT, span), charge: 0 };
    try {
      const result = await this.#running.run(running, work);
      const status = statusOf(result);
      if (status !== undefined) span.setAttribute("http.response.status_code", status);
      if (status !== undefined && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      return result;
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.recordException(shown(error));
      throw error;
    } finally {
      if (running.charge > 0) span.setAttribute("cairn.request_charge", Math.round(running.charge * 100) / 100);
      span.end();
    }
  }

  async send<T>(queue: string, send: (traceparent: string | undefined) => Promise<T>): Promise<T> {
    const running = this.#running.getStore();
    if (!running) return send(undefined);
    const span = this.#parts.tracer.startSpan(`send ${queue}`, { kind: SpanKind.PRODUCER }, running.context);
    try {
      return await send(traceparentOf(span.spanContext()));
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  }

  log(severity: Severity, message: string): void {
    const context = this.#running.getStore()?.context ?? ROOT_CONTEXT;
    const severityNumber = SEVERITIES[severity];
    this.#parts.logger.emit({ severityNumber, severityText: severity, body: redact(message), context });
  }

  current(): TraceIds | undefined {
    return this.#running.getStore()?.span.spanContext();
  }

  flush(): Promise<void> {
    return this.#parts.flush();
  }

  #start({ kind, name, invocationId, method, parent, host }: Operation): Span {
    const { tracer, hostReports } = this.#parts;
    const isRequest = kind === "request";
    const ownKind = isRequest ? SpanKind.SERVER : SpanKind.CONSUMER;
    const hosted = contextOf(host);
    return tracer.startSpan(
      name,
      {
        kind: hostReports ? SpanKind.INTERNAL : ownKind,
        links: hosted ? [{ context: hosted }] : [],
        attributes: {
          "cairn.function": name,
          "faas.invocation_id": invocationId,
          // Of a part it would make a call to somebody else.
          ...(isRequest && method && !hostReports ? { "http.request.method": method } : {}),
          ...(isRequest ? {} : { [OPERATION_NAME]: name }),
        },
      },
      withParent(parent),
    );
  }

  #rename(name: string): void {
    const running = this.#running.getStore();
    if (!running) return;
    const { span, operation } = running;
    span.updateName(name);
    if (operation.method && !this.#parts.hostReports) span.setAttribute("http.route", name);
  }
}

function withParent(traceparent: string | undefined): Context {
  const parent = contextOf(traceparent);
  return parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

function contextOf(traceparent: string | undefined): SpanContext | undefined {
  const context = traceparent && parseTraceParent(traceparent);
  return context ? { ...context, isRemote: true } : undefined;
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

function shown(error: unknown): { name: string; message: string; stack?: string } {
  if (!(error instanceof Error)) return { name: "Error", message: redact(String(error)) };
  return { name: error.name, message: redact(error.message), stack: error.stack && redact(error.stack) };
}
