/** What the local host reads from host.json. */
interface HostSettings {
  /** Without slashes at its ends; "" is none. */
  readonly routePrefix: string;
  readonly queues: QueueSettings;
}

export interface QueueSettings {
  /** Messages fetched at once, 1-32. */
  readonly batchSize: number;
  /** A new batch is fetched when no more than so many messages of a function are being handled. */
  readonly newBatchSize: number;
  /** After so many attempts a message goes to the poison queue. */
  readonly maxDequeueCount: number;
  /** How long a message whose handler failed stays invisible. */
  readonly visibilityTimeoutSeconds: number;
  /** The longest pause between looks into an empty queue. */
  readonly maxPollingIntervalMs: number;
}

interface HostJson {
  readonly telemetryMode?: unknown;
  readonly extensions?: { readonly http?: Record<string, unknown>; readonly queues?: Record<string, unknown> };
}

/**
 * Reads host.json with the defaults of the Functions host.
 * @throws an Error naming the setting and what would be accepted
 */
export function readHostSettings(hostJson: unknown): HostSettings {
  const { http = {}, queues = {} } = (hostJson as HostJson | undefined)?.extensions ?? {};
  const batchSize = wholeNumber(queues, "batchSize", 16, 1, 32);
  requireEncoding(queues.messageEncoding);
  requireTelemetryMode((hostJson as HostJson | undefined)?.telemetryMode);
  return {
    routePrefix: text(http, "routePrefix", "api").replace(/^\/+|\/+$/g, ""),
    queues: {
      batchSize,
      newBatchSize: wholeNumber(queues, "newBatchSize", Math.floor(batchSize / 2), 0, 1000),
      maxDequeueCount: wholeNumber(queues, "maxDequeueCount", 5, 1, 1000),
      visibilityTimeoutSeconds: durationMs(queues, "visibilityTimeout", "00:00:00") / 1000,
      maxPollingIntervalMs: Math.max(100, durationMs(queues, "maxPollingInterval", "00:01:00")),
    },
  };
}

/** Encoding is the queue driver's work: a WorkQueue takes and gives the text itself. Only a misspelt value matters here. */
function requireEncoding(value: unknown): void {
  if (value === undefined || value === "base64" || value === "none") return;
  throw settingError("extensions.queues.messageEncoding", value, '"base64" or "none"');
}

/** Telemetry is the app's work here. */
function requireTelemetryMode(value: unknown): void {
  if (value === undefined || value === "OpenTelemetry" || value === "default") return;
  throw settingError("telemetryMode", value, '"OpenTelemetry" or "default"');
}

function text(section: Record<string, unknown>, name: string, fallback: string): string {
  const value = section[name] ?? fallback;
  if (typeof value !== "string") throw settingError(`extensions.http.${name}`, value, "a text");
  return value;
}

function wholeNumber(
  section: Record<string, unknown>,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const value = section[name] ?? fallback;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw settingError(`extensions.queues.${name}`, value, `a whole number from ${min} to ${max}`);
}

function durationMs(section: Record<string, unknown>, name: string, fallback: string): number {
  const value = section[name] ?? fallback;
  const match = typeof value === "string" ? /^(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,3})\d*)?$/.exec(value) : null;
  if (!match) throw settingError(`extensions.queues.${name}`, value, 'a time span like "00:00:30"');
  const [hours, minutes, seconds] = match.slice(1, 4).map(Number) as [number, number, number];
  return (hours * 3600 + minutes * 60 + seconds) * 1000 + Number((match[4] ?? "").padEnd(3, "0"));
}

function settingError(name: string, value: unknown, accepted: string): Error {
  return new Error(`host.json: ${name} is ${JSON.stringify(value)}; it must be ${accepted}.`);
}
