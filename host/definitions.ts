import type { BindingInfo } from "./core-types.ts";
import type { RegisteredFunction, Registrations } from "./functions-core.ts";

interface Definition extends RegisteredFunction {
  readonly name: string;
  readonly triggerName: string;
  readonly trigger: BindingInfo;
}

export interface HttpDefinition extends Definition {
  readonly kind: "http";
  /** Upper case. */
  readonly methods: readonly string[];
  /** Without the route prefix. */
  readonly route: string;
}

export interface QueueDefinition extends Definition {
  readonly kind: "queue";
  readonly queueName: string;
}

export interface TimerDefinition extends Definition {
  readonly kind: "timer";
  readonly schedule: string;
  readonly runOnStartup: boolean;
}

export type FunctionDefinition = HttpDefinition | QueueDefinition | TimerDefinition;

const RETURN_BINDING = "$return";

/**
 * The registered functions with their triggers, in the order in which the Functions host tries HTTP routes: by name, ignoring case.
 * @throws an Error naming the function for a trigger or binding that the local host does not have
 */
export function defineFunctions({ functions }: Registrations): FunctionDefinition[] {
  return [...functions.values()].map(defineFunction).sort((a, b) => compareNames(a.name, b.name));
}

/** Ordinal, ignoring case, as the Functions host sorts: compared in upper case, so that `_` comes behind the letters. */
export function compareNames(a: string, b: string): number {
  const [left, right] = [a.toUpperCase(), b.toUpperCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}

function defineFunction(registered: RegisteredFunction): FunctionDefinition {
  const { name, bindings } = registered.metadata;
  const [triggerName, trigger] = Object.entries(bindings).find(([, { type }]) => /trigger$/i.test(type)) ?? [];
  if (!triggerName || !trigger) throw new Error(`Function "${name}" has no trigger.`);
  requireNoOtherBindings(registered, triggerName);
  return defineTrigger({ ...registered, name, triggerName, trigger });
}

function defineTrigger(definition: Definition): FunctionDefinition {
  const { name, trigger } = definition;
  switch (trigger.type.toLowerCase()) {
    case "httptrigger":
      return { ...definition, kind: "http", methods: httpMethods(trigger), route: httpRoute(definition) };
    case "queuetrigger":
      return { ...definition, kind: "queue", queueName: queueNameOf(definition) };
    case "timertrigger":
      return {
        ...definition,
        kind: "timer",
        schedule: String(trigger.schedule),
        runOnStartup: trigger.runOnStartup === true,
      };
    default:
      throw new Error(
        `Function "${name}" has a trigger of type "${trigger.type}", which the local host does not have. ` +
          "It has httpTrigger, queueTrigger and timerTrigger.",
      );
  }
}

function requireNoOtherBindings({ metadata }: RegisteredFunction, triggerName: string): void {
  for (const [name, { type }] of Object.entries(metadata.bindings)) {
    if (name === triggerName || (name === RETURN_BINDING && type === "http")) continue;
    throw new Error(
      `Function "${metadata.name}" has a binding of type "${type}" (${name}), which the local host does not have: it has triggers only.`,
    );
  }
  if (metadata.retryOptions) {
    throw new Error(`Function "${metadata.name}" has a retry policy, which the local host does not have.`);
  }
}

function httpMethods(trigger: BindingInfo): string[] {
  return (trigger.methods as readonly string[]).map((method) => method.toUpperCase());
}

function httpRoute({ name, trigger }: Definition): string {
  const route = typeof trigger.route === "string" && trigger.route !== "" ? trigger.route : name;
  if (!/^admin(?:\/|$)/i.test(route)) return route;
  throw new Error(`Function "${name}" has the route "${route}", but "admin" belongs to the Functions host.`);
}

function queueNameOf({ name, trigger }: Definition): string {
  const queueName = String(trigger.queueName).toLowerCase();
  if (/^[a-z0-9](?:-?[a-z0-9])*$/.test(queueName)) return queueName;
  throw new Error(
    `Function "${name}" has the queue name "${trigger.queueName}"; it must be letters, digits and single hyphens.`,
  );
}
