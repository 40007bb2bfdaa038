import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RpcLogLevel } from "./core-types.ts";
import type { HttpDefinition } from "./definitions.ts";
import { formatLogArguments, type Invoker, logFromFunction, runWithHooks } from "./invocation.ts";
import { LightRequest } from "./light-request.ts";
import { writeResponse } from "./light-response.ts";
import { describeError } from "./log.ts";
import type { RouteMatch } from "./routes.ts";

/** Answers one matched request; fails only by a fault of the host. */
export type ServeFunction = (
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  match: RouteMatch,
) => Promise<void>;

/** Calls handlers with the light request and context, past the library's conversions, which cost several times the bare server. */
export function createLightHttp(invoker: Invoker): ServeFunction {
  return async (request, response, target, { definition, params }) => {
    const context = new LightContext(invoker, definition, request);
    try {
      const result = await callFunction(invoker, definition, context, new LightRequest(request, target, params));
      const writing = writeResponse(response, result);
      if (writing) await writing;
    } catch (error) {
      answerFailure(response, request, context, error);
    }
  };
}

function callFunction(
  invoker: Invoker,
  definition: HttpDefinition,
  context: LightContext,
  request: LightRequest,
): unknown {
  const { preInvocation, postInvocation } = invoker.app.hooks;
  if (preInvocation.length === 0 && postInvocation.length === 0) return definition.callback(request, context);
  return runWithHooks(invoker.app, context, [request], definition.callback, {
    call: (inputs, callback) => callback(...inputs, context),
  });
}

const CLIENT_LEFT: ReadonlySet<unknown> = new Set(["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "EPIPE"]);

/** 500 without a body while nothing was sent; afterwards only a broken connection can tell the client. */
function answerFailure(
  response: ServerResponse,
  request: IncomingMessage,
  context: LightContext,
  error: unknown,
): void {
  // A body that fails takes the connection with it, so that by now the request has failed too.
  const clientLeft =
    CLIENT_LEFT.has((error as { code?: unknown } | null)?.code) || (!response.headersSent && request.errored !== null);
  if (clientLeft) context.debug(`The client left: ${describeError(error)}`);
  else context.error(error);
  if (response.headersSent || clientLeft) response.destroy();
  else response.writeHead(500, { "content-length": "0" }).end();
}

/** The members of the library's `InvocationContext` that handlers and hooks use. */
class LightContext {
  readonly functionName: string;
  readonly options: object;
  readonly #invoker: Invoker;
  readonly #request: IncomingMessage;
  #invocationId: string | undefined;

  constructor(invoker: Invoker, definition: HttpDefinition, request: IncomingMessage) {
    this.functionName = definition.name;
    this.options = { trigger: definition.trigger, extraInputs: [], extraOutputs: [] };
    this.#invoker = invoker;
    this.#request = request;
  }

  get invocationId(): string {
    this.#invocationId ??= randomUUID();
    return this.#invocationId;
  }

  get traceContext(): { traceParent?: string; traceState?: string } {
    const { traceparent, tracestate } = this.#request.headers;
    return {
      ...(traceparent === undefined ? {} : { traceParent: String(traceparent) }),
      ...(tracestate === undefined ? {} : { traceState: String(tracestate) }),
    };
  }

  log(...args: unknown[]): void {
    this.#write("information", args);
  }

  info(...args: unknown[]): void {
    this.#write("information", args);
  }

  warn(...args: unknown[]): void {
    this.#write("warning", args);
  }

  error(...args: unknown[]): void {
    this.#write("error", args);
  }

  debug(...args: unknown[]): void {
    this.#write("debug", args);
  }

  trace(...args: unknown[]): void {
    this.#write("trace", args);
  }

  #write(level: RpcLogLevel, args: readonly unknown[]): void {
    const { functionName, invocationId } = this;
    const origin = { functionName, invocationId, invocationContext: this };
    logFromFunction(this.#invoker, origin, level, "user", formatLogArguments(args));
  }
}
