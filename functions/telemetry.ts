import { app, type FunctionHandler, type InvocationContext, type LogLevel } from "@azure/functions";
import { redact } from "../shared/redact.ts";
import { messageTrace, type Operation, reportTo, type Severity, type Telemetry } from "../shared/telemetry.ts";
import { keepTelemetryHome, type TelemetrySettings, telemetrySettings } from "../shared/telemetry-settings.ts";

/** Set when the host need not report what the app logs, since the app does it itself. */
export const TELEMETRY_CAPABILITIES = { WorkerOpenTelemetryEnabled: true };

const SEVERITIES: Partial<Record<LogLevel, Severity>> = {
  information: "information",
  warning: "warning",
  error: "error",
  critical: "critical",
};

/** Reports the invocations of a handler. */
type Observe = <H extends FunctionHandler>(handler: H) => H;

/**
 * Reports invocations, and what they log, where the settings name an Application Insights component. Without them nothing is hooked in
 * and nothing is loaded.
 * @returns what every handler is to be wrapped with; undefined when nothing is reported
 */
export function startTelemetry(): Observe | undefined {
  const settings = telemetrySettings();
  if (!settings) return undefined;
  let telemetry: Telemetry | undefined;
  const opening = openTelemetry(settings).then(
    (opened) => {
      telemetry = opened;
      reportTo(opened);
    },
    (error) => console.error(redact(`There is no telemetry: ${error}`)),
  );
  hookLog((severity, message) => telemetry?.log(severity, message));
  app.hook.appTerminate(() => telemetry?.flush());
  const observe = (handler: FunctionHandler): FunctionHandler => {
    return async (input, context) => {
      await opening;
      const work = async () => handler(input, context);
      return telemetry ? telemetry.run(operationOf(context, input), work, statusOf) : work();
    };
  };
  return observe as Observe;
}

/** Not every runtime has hooks for what is logged; without them the rest is reported all the same. */
function hookLog(report: (severity: Severity, message: string) => void): void {
  try {
    app.hook.log(({ level, message }) => {
      const severity = SEVERITIES[level];
      if (severity) report(severity, message);
    });
  } catch (error) {
    console.error(redact(`What is logged is not in the telemetry: ${error}`));
  }
}

async function openTelemetry(settings: TelemetrySettings): Promise<Telemetry> {
  keepTelemetryHome();
  const [{ openAppInsights }, { identity }] = await Promise.all([
    import("../shared/drivers/app-insights/open-app-insights.ts"),
    import("../shared/drivers/identity.ts"),
  ]);
  return openAppInsights(settings, settings.withIdentity ? await identity() : undefined);
}

function operationOf(context: InvocationContext, input: unknown): Operation {
  const { functionName: name, invocationId, options, traceContext } = context;
  const invoked = { name, invocationId };
  const host = traceContext?.traceParent || undefined;
  switch (options.trigger.type) {
    case "httpTrigger":
      return { kind: "request", ...invoked, method: (input as { method: string }).method, parent: host };
    case "queueTrigger": {
      const { parent, dueMs } = messageTrace(input);
      const waitedSeconds = waited(dueMs ?? Date.parse(String(context.triggerMetadata?.insertionTime)));
      return { kind: "message", ...invoked, parent: parent ?? host, host: parent && host, waitedSeconds };
    }
    default:
      return { kind: "timer", ...invoked, parent: host };
  }
}

/** Clocks of two machines differ by a little. */
function waited(sinceMs: number): number | undefined {
  return Number.isNaN(sinceMs) ? undefined : Math.max(0, Date.now() - sinceMs) / 1_000;
}

function statusOf(result: unknown): number | undefined {
  return (result as { status?: number } | undefined)?.status;
}
