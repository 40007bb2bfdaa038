import { registerHooks } from "node:module";
import type {
  FunctionCallback,
  FunctionMetadata,
  HookCallback,
  ProgrammingModel,
  RpcLogCategory,
  RpcLogLevel,
} from "./core-types.ts";
import type { Log } from "./log.ts";

type HookName = "preInvocation" | "postInvocation" | "appStart" | "appTerminate" | "log";

const HOOK_NAMES: readonly HookName[] = ["preInvocation", "postInvocation", "appStart", "appTerminate", "log"];

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

/** Everything an app registered while it was loaded, plus what its hooks share. */
export interface Registrations {
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly hooks: Readonly<Record<HookName, HookCallback[]>>;
  readonly appHookData: Record<string, unknown>;
  readonly model: ProgrammingModel;
}

interface OpenRegistrations {
  readonly functions: Map<string, RegisteredFunction>;
  readonly hooks: Record<HookName, HookCallback[]>;
  readonly appHookData: Record<string, unknown>;
}

const MODULE_NAME = "@azure/functions-core";
const MODULE_URL = "functions-core:host";
const GLOBAL_KEY = Symbol.for("functions-core:host");

class Disposable {
  readonly #release: () => void;

  constructor(release: () => void) {
    this.#release = release;
  }

  dispose(): void {
    this.#release();
  }
}

/** The app that is being loaded takes functions; the one loaded last still takes hooks. */
let loading: OpenRegistrations | undefined;
let latest: OpenRegistrations | undefined;
let model: ProgrammingModel | undefined;
let systemLog: Log = () => {};
let lastLoad: Promise<unknown> = Promise.resolve();
const loadedBefore = new WeakMap<object, Registrations>();

const coreModule = {
  version: "local",
  hostVersion: "4.1000.0",
  Disposable,
  registerFunction,
  registerHook,
  setProgrammingModel: (chosen: ProgrammingModel) => {
    model = chosen;
  },
  getProgrammingModel: () => model,
  log: (level: RpcLogLevel, _category: RpcLogCategory, message: string) => systemLog({ level, message }),
};

/**
 * Makes `require("@azure/functions-core")` answer with this host, for modules loaded from now on. The library asks once and remembers
 * the answer for good, so this must happen before the first `app.*` call of the process. Calling it again does nothing.
 */
function provideFunctionsCore(): void {
  const globals = globalThis as { [GLOBAL_KEY]?: unknown };
  if (globals[GLOBAL_KEY]) return;
  globals[GLOBAL_KEY] = coreModule;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === MODULE_NAME
        ? { url: MODULE_URL, format: "commonjs", shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) =>
      url === MODULE_URL
        ? {
            format: "commonjs",
            source: `module.exports = globalThis[Symbol.for("${MODULE_URL}")];`,
            shortCircuit: true,
          }
        : next(url, context),
  });
}

/**
 * Loads an app and returns what it registered. A second load of an app that is still in the module cache registers nothing, so the same
 * registrations are returned again. Loads wait for each other.
 * @param loadApp imports the app's entry module and returns its namespace
 * @throws what loading throws; an Error when the app registered no function
 */
export function loadRegistrations(loadApp: () => Promise<unknown>, log: Log): Promise<Registrations> {
  const load = lastLoad.then(
    () => loadOnce(loadApp, log),
    () => loadOnce(loadApp, log),
  );
  lastLoad = load;
  return load;
}

async function loadOnce(loadApp: () => Promise<unknown>, log: Log): Promise<Registrations> {
  provideFunctionsCore();
  systemLog = log;
  const open: OpenRegistrations = { functions: new Map(), hooks: emptyHooks(), appHookData: {} };
  loading = open;
  latest = open;
  try {
    return finishedRegistrations(await loadApp(), open);
  } finally {
    loading = undefined;
  }
}

function finishedRegistrations(namespace: unknown, open: OpenRegistrations): Registrations {
  const key = typeof namespace === "object" && namespace !== null ? namespace : undefined;
  const known = key && loadedBefore.get(key);
  if (known && open.functions.size === 0) return known;
  if (open.functions.size === 0 || !model) {
    throw new Error(
      "The app registered no functions. Its modules must be imported after the host, which provides @azure/functions-core.",
    );
  }
  const registrations = { ...open, model };
  if (key) loadedBefore.set(key, registrations);
  return registrations;
}

function registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
  const open = loading;
  if (!open) throw new Error("A function can only be registered during app startup.");
  if (open.functions.has(metadata.name)) {
    throw new Error(`A function named "${metadata.name}" has already been registered.`);
  }
  open.functions.set(metadata.name, { metadata, callback });
  return new Disposable(() => {
    if (loading !== open) throw new Error("A function can only be disposed during app startup.");
    open.functions.delete(metadata.name);
  });
}

function registerHook(name: string, callback: HookCallback): Disposable {
  if (!HOOK_NAMES.includes(name as HookName)) throw new RangeError(`Unrecognized hook "${name}".`);
  if (!latest) throw new Error("A hook can only be registered by an app that the host loads.");
  const hooks = latest.hooks[name as HookName];
  hooks.push(callback);
  return new Disposable(() => {
    const index = hooks.indexOf(callback);
    if (index >= 0) hooks.splice(index, 1);
  });
}

function emptyHooks(): Record<HookName, HookCallback[]> {
  return { preInvocation: [], postInvocation: [], appStart: [], appTerminate: [], log: [] };
}
