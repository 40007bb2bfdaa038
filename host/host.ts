import { machineClock } from "../shared/drivers/machine.ts";
import type { Clock } from "../shared/stores/clock.ts";
import type { WorkQueue } from "../shared/stores/work-queue.ts";
import { createAdmin } from "./admin.ts";
import type { ClientLimits } from "./connections.ts";
import {
  defineFunctions,
  type FunctionDefinition,
  type HttpDefinition,
  type QueueDefinition,
  type TimerDefinition,
} from "./definitions.ts";
import { loadRegistrations } from "./functions-core.ts";
import { type QueueSettings, readHostSettings } from "./host-json.ts";
import { type HttpListener, type Intercept, listenForHttp } from "./http.ts";
import { type Invoker, invokeThroughLibrary, runAppHooks, type TriggerInput } from "./invocation.ts";
import { createLightHttp, type ServeFunction } from "./light-http.ts";
import { describeError, type Log, logToStandardError } from "./log.ts";
import { reachableName, requireLoopback } from "./loopback.ts";
import { listenToQueue, type QueueListener, queueInput } from "./queues.ts";
import { createRouter } from "./routes.ts";
import { type PreparedTimer, prepareTimer, type Timer, timerInput } from "./timers.ts";
import { traceLines, traceMessage, traceRequests } from "./trace.ts";

export interface HostOptions {
  /** Imports the app's entry module and returns its namespace. */
  readonly loadApp: () => Promise<unknown>;
  /** 0 chooses a free one. */
  readonly port: number;
  /** Default 127.0.0.1; loopback only, unless callers are authenticated. */
  readonly hostname?: string;
  /** The app asks every caller for credentials, those on this machine too. Default false. */
  readonly authenticated?: boolean;
  /** Of pages that may call it from a browser besides its own, where callers are authenticated; default none. */
  readonly origins?: readonly string[];
  /** `light` hands functions the host's own small request, `strict` goes through the library's conversions as Azure does. */
  readonly mode: "light" | "strict";
  /** The parsed content of host.json. */
  readonly hostJson: unknown;
  /** Needed by apps with queue functions. */
  readonly queue?: WorkQueue;
  /** Asked in turn before the functions. */
  readonly intercept?: readonly Intercept[];
  /** Default: JSON lines on standard error. */
  readonly log?: Log;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Strict mode: how long an app's proxy may be silent before the client gets 504; default 240 s, as in Azure. */
  readonly forwardTimeoutMs?: number;
  /** Where they differ from the usual ones. */
  readonly clientLimits?: Partial<ClientLimits>;
  /** How long a queue message stays invisible while it is handled, before renewal; default 30. */
  readonly queueLeaseSeconds?: number;
}

interface HostedFunction {
  readonly name: string;
  readonly kind: FunctionDefinition["kind"];
  /** Template with its prefix, of HTTP functions. */
  readonly route?: string;
}

export interface Host {
  /** `http://127.0.0.1:7071`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly functions: readonly HostedFunction[];
  /** Looks into a queue at once. */
  wake(queueName: string): void;
  /**
   * Runs a queue or timer function and waits for its end.
   * @param data for a queue function: the message, JSON unless it is a text
   * @throws an Error for an unknown or HTTP function, and what the function throws
   */
  invoke(name: string, data?: unknown): Promise<void>;
  /** Takes no more work, lets running work finish for at most `graceMs` (default 5,000), and frees the port. */
  close(graceMs?: number): Promise<void>;
}

const FORWARD_TIMEOUT_MS = 240_000;
const QUEUE_LEASE_SECONDS = 30;
const CLOSE_GRACE_MS = 5_000;
const TIMERS_START_AFTER_MS = 250;

/**
 * Starts what the Azure Functions runtime provides, for an app on this machine: HTTP routes, queue polling, timers.
 * @throws an Error that a person can act on when the app, host.json, the address or the port cannot be used
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { hostname = "127.0.0.1", authenticated = false, clock = machineClock } = options;
  const log = traceLines(options.log ?? logToStandardError);
  if (!authenticated) requireLoopback(hostname);
  const settings = readHostSettings(options.hostJson);
  const app = await loadRegistrations(options.loadApp, log);
  const invoker = { app, log };
  const definitions = defineFunctions(app);
  const router = createRouter(ofKind<HttpDefinition>(definitions, "http"), settings.routePrefix);
  for (const message of router.warnings) log({ level: "warning", message });
  const prepared = await prepareTimers(definitions, invoker, clock);
  const queueFunctions = ofKind<QueueDefinition>(definitions, "queue");
  const startQueues = prepareQueues(options, settings.queues, queueFunctions, invoker);
  await runAppHooks(app, "appStart");

  const invoke = (name: string, data?: unknown) => invokeByName(invoker, definitions, clock, name, data);
  let url = "";
  const http = await listenForHttp({
    hostname,
    authenticated,
    origins: options.origins ?? [],
    port: options.port,
    router,
    serve: traceRequests(await chooseServer(options, invoker)),
    intercept: options.intercept ?? [],
    admin: createAdmin({
      definitions,
      templates: router.templates,
      url: () => url,
      start: (name, input) => traceMessage(input, () => reportFailure(log, name, invoke(name, input))),
    }),
    log,
    clientLimits: options.clientLimits,
  });
  url = `http://${reachableName(hostname)}:${http.port}`;
  const listeners = startQueues();
  const timers = [startSoon(prepared)];

  return {
    url,
    port: http.port,
    functions: definitions.map(({ name, kind }) => ({ name, kind, route: router.templates.get(name) })),
    wake: (queueName) => {
      for (const listener of listeners) if (listener.queueName === queueName) listener.wake();
    },
    invoke: (name, data) => traceMessage(data, () => invoke(name, data)),
    close: (graceMs = CLOSE_GRACE_MS) => closeAll(invoker, http, [...listeners, ...timers], graceMs),
  };
}

/** Computing the first occurrences takes a while; the first requests go before. */
function startSoon(prepared: readonly PreparedTimer[]): { stop(): Promise<void> } {
  let timers: Timer[] = [];
  const starting = setTimeout(() => {
    timers = prepared.map((timer) => timer.start());
  }, TIMERS_START_AFTER_MS);
  return {
    stop: async () => {
      clearTimeout(starting);
      await Promise.all(timers.map((timer) => timer.stop()));
    },
  };
}

function ofKind<T extends FunctionDefinition>(definitions: readonly FunctionDefinition[], kind: T["kind"]): T[] {
  return definitions.filter((definition): definition is T => definition.kind === kind);
}

async function chooseServer(options: HostOptions, invoker: Invoker): Promise<ServeFunction> {
  if (options.mode === "light") return createLightHttp(invoker);
  const { createStrictHttp } = await import("./strict-http.ts");
  return createStrictHttp(invoker, { forwardTimeoutMs: options.forwardTimeoutMs ?? FORWARD_TIMEOUT_MS });
}

function prepareTimers(
  definitions: readonly FunctionDefinition[],
  invoker: Invoker,
  clock: Clock,
): Promise<PreparedTimer[]> {
  const timers = ofKind<TimerDefinition>(definitions, "timer");
  return Promise.all(timers.map((timer) => prepareTimer({ invoker, clock }, timer)));
}

function prepareQueues(
  { queue, queueLeaseSeconds: leaseSeconds = QUEUE_LEASE_SECONDS }: HostOptions,
  settings: QueueSettings,
  functions: readonly QueueDefinition[],
  invoker: Invoker,
): () => QueueListener[] {
  if (functions.length === 0) return () => [];
  if (!queue) throw new Error(`Function "${functions[0]!.name}" has a queue trigger, but the host was given no queue.`);
  return () => functions.map((definition) => listenToQueue({ invoker, queue, settings, leaseSeconds }, definition));
}

async function invokeByName(
  invoker: Invoker,
  definitions: readonly FunctionDefinition[],
  clock: Clock,
  name: string,
  data: unknown,
): Promise<void> {
  const definition = definitions.find((candidate) => candidate.name === name);
  if (!definition) throw new Error(`There is no function "${name}".`);
  await invokeThroughLibrary(invoker, definition, await inputFor(definition, data, clock.now()));
}

async function inputFor(definition: FunctionDefinition, data: unknown, nowMs: number): Promise<TriggerInput> {
  switch (definition.kind) {
    case "queue":
      return queueInput(typeof data === "string" ? data : JSON.stringify(data ?? ""));
    case "timer":
      return timerInput(definition, nowMs);
    case "http":
      throw new Error(`Function "${definition.name}" has an HTTP trigger: call it at its address.`);
  }
}

function reportFailure(log: Log, functionName: string, running: Promise<void>): void {
  running.catch((error: unknown) => log({ level: "error", functionName, message: describeError(error) }));
}

async function closeAll(
  { app, log }: Invoker,
  http: HttpListener,
  workers: readonly { stop(): Promise<void> }[],
  graceMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  const stopped = Promise.all(workers.map((worker) => worker.stop()));
  await Promise.all([http.close(graceMs), Promise.race([stopped, deadline])]);
  clearTimeout(timer);
  await runAppHooks(app, "appTerminate").catch((error: unknown) =>
    log({ level: "error", message: describeError(error) }),
  );
}
