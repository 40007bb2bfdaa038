import { randomUUID } from "node:crypto";
import { format } from "node:util";
import type {
  CoreInvocationContext,
  FunctionCallback,
  RpcInvocationRequest,
  RpcInvocationResponse,
  RpcLogCategory,
  RpcLogLevel,
  RpcTypedData,
} from "./core-types.ts";
import type { FunctionDefinition } from "./definitions.ts";
import type { Registrations } from "./functions-core.ts";
import { describeError, type Log } from "./log.ts";

/** What every invocation needs of the app and the host. */
export interface Invoker {
  readonly app: Registrations;
  readonly log: Log;
}

export interface TriggerInput {
  readonly data: RpcTypedData;
  readonly metadata?: Readonly<Record<string, RpcTypedData>>;
  readonly traceContext?: RpcInvocationRequest["traceContext"];
  /** Default: a new one. */
  readonly invocationId?: string;
}

/**
 * Runs a function the way the language worker does, through the library's own conversions: arguments, preInvocation hooks, the
 * function, postInvocation hooks, response.
 * @throws what the function, a hook or a conversion throws
 */
export async function invokeThroughLibrary(
  invoker: Invoker,
  definition: FunctionDefinition,
  input: TriggerInput,
): Promise<RpcInvocationResponse> {
  const core = coreContext(invoker, definition, input);
  const invocation = invoker.app.model.getInvocationModel(core);
  const { context, inputs } = await invocation.getArguments();
  const result = await runWithHooks(invoker.app, context, inputs, definition.callback, {
    enter: (state) => {
      core.state = state;
    },
    call: (finalInputs, callback) => invocation.invokeFunction(context, finalInputs, callback),
  });
  return invocation.getResponse(context, result);
}

/** The worker's order around one call of a function; shared by the library's and the light way of calling it. */
export async function runWithHooks(
  { hooks, appHookData }: Registrations,
  invocationContext: object,
  inputs: unknown[],
  callback: FunctionCallback,
  run: {
    enter?(state: CoreInvocationContext["state"]): void;
    call(inputs: unknown[], callback: FunctionCallback): unknown;
  },
): Promise<unknown> {
  const hookData = {};
  const before = { hookData, appHookData, invocationContext, inputs, functionCallback: callback };
  run.enter?.("preInvocationHooks");
  for (const hook of hooks.preInvocation) {
    const preparing = hook(before);
    if (preparing) await preparing;
  }
  run.enter?.("invocation");
  if (hooks.postInvocation.length === 0) return run.call(before.inputs, before.functionCallback);

  const after = {
    hookData,
    appHookData,
    invocationContext,
    inputs: before.inputs,
    result: null as unknown,
    error: null as unknown,
  };
  try {
    after.result = await run.call(before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error;
  }
  run.enter?.("postInvocationHooks");
  for (const hook of hooks.postInvocation) await hook(after);
  run.enter?.(undefined);
  if (after.error !== null && after.error !== undefined) throw after.error;
  return after.result;
}

/** Runs the hooks around the life of the app, in the order of their registration. */
export async function runAppHooks(
  { hooks, appHookData }: Registrations,
  name: "appStart" | "appTerminate",
): Promise<void> {
  const context = { hookData: appHookData, appHookData, functionAppDirectory: process.cwd() };
  for (const hook of hooks[name]) await hook(context);
}

/** Where a log line comes from. */
interface Origin {
  readonly functionName: string;
  readonly invocationId: string;
  readonly invocationContext?: object;
}

/** What `context.log` and its siblings do: log hooks may change level and message, then the line is written. */
export function logFromFunction(
  { app, log }: Invoker,
  origin: Origin,
  level: RpcLogLevel,
  category: RpcLogCategory,
  message: string,
): void {
  const { functionName, invocationId, invocationContext } = origin;
  const line = { hookData: {}, appHookData: app.appHookData, level, message, category, invocationContext };
  for (const hook of app.hooks.log) runLogHook(hook, line, log);
  log({ level: line.level, message: line.message, functionName, invocationId });
}

export function formatLogArguments(args: readonly unknown[]): string {
  return args.length === 1 && typeof args[0] === "string" ? args[0] : format(...args);
}

/** A log hook that fails must not fail the function that logs. */
function runLogHook(hook: (context: object) => unknown, line: object, log: Log): void {
  try {
    hook(line);
  } catch (error) {
    log({ level: "warning", message: `A log hook failed: ${describeError(error)}` });
  }
}

function coreContext(invoker: Invoker, definition: FunctionDefinition, input: TriggerInput): CoreInvocationContext {
  const invocationId = input.invocationId ?? randomUUID();
  const origin = { functionName: definition.name, invocationId };
  return {
    invocationId,
    metadata: definition.metadata,
    request: {
      invocationId,
      inputData: [{ name: definition.triggerName, data: input.data }],
      triggerMetadata: input.metadata ?? {},
      traceContext: input.traceContext,
    },
    state: undefined,
    log: (level, category, message) => logFromFunction(invoker, origin, level, category, message),
  };
}
