import { setTimeout as sleep } from "node:timers/promises";
import type { TokenCredential } from "@azure/core-auth";
import {
  AzureMonitorLogExporter,
  AzureMonitorMetricExporter,
  AzureMonitorTraceExporter,
} from "@azure/monitor-opentelemetry-exporter";
import { type DiagLogger, DiagLogLevel, diag } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { redact } from "../../redact.ts";
import type { Telemetry } from "../../telemetry.ts";
import type { TelemetrySettings } from "../../telemetry-settings.ts";
import { countSignals } from "./metrics.ts";
import { OpenTelemetry } from "./open-telemetry.ts";

/** Nobody waits longer for an app that ends, if the other end is away. */
const FLUSH_MS = 3_000;

const quiet = () => {};
/** Why telemetry is lost, for whoever looks at the console of the process; every other level is chatter. */
const FAULTS: DiagLogger = {
  error: (message, ...details) => console.error(redact(`Telemetry: ${message} ${details.map(String).join(" ")}`)),
  warn: quiet,
  info: quiet,
  debug: quiet,
  verbose: quiet,
};

/**
 * Telemetry to Application Insights: OpenTelemetry's own SDK and the exporter that Microsoft's package `applicationinsights` wraps. The
 * package itself brings instrumentations that a bundle defeats, eight times the code and four times the time of a cold start.
 * @param credential absent: the component takes what names its key
 */
export function openAppInsights(settings: TelemetrySettings, credential?: TokenCredential): Telemetry {
  diag.setLogger(FAULTS, { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true });
  const { connectionString, roleName, hostReports } = settings;
  // What cannot be sent soon is given up: an instance's disk goes with it.
  const options = { connectionString, credential, disableOfflineStorage: true };
  const resource = resourceFromAttributes({ "service.name": roleName });
  const traces = new BasicTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new AzureMonitorTraceExporter(options))],
  });
  const metrics = new MeterProvider({
    resource,
    readers: [new PeriodicExportingMetricReader({ exporter: new AzureMonitorMetricExporter(options) })],
  });
  const logs = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor(new AzureMonitorLogExporter(options))],
  });
  const meter = metrics.getMeter("cairn");
  countSignals(meter);
  return new OpenTelemetry({
    tracer: traces.getTracer("cairn"),
    logger: logs.getLogger("cairn"),
    meter,
    hostReports,
    flush: async () => {
      const sent = Promise.allSettled([traces.forceFlush(), metrics.forceFlush(), logs.forceFlush()]);
      await Promise.race([sent, sleep(FLUSH_MS, undefined, { ref: false })]);
    },
  });
}
