/*
 * What of the settings each start looks at before anything else is loaded. The others are in config.ts.
 */

/** Fields of `name=value` with semicolons between, one of which names the component. */
export const INSIGHTS =
  /^(?:[^;=]+=[^;=]*;)*InstrumentationKey=[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:;[^;=]+=[^;=]*)*;?$/i;

/** Where telemetry goes. */
export interface TelemetrySettings {
  readonly connectionString: string;
  /** Sent with the app's identity. */
  readonly withIdentity: boolean;
  /** The Functions host reports the requests and messages that it hands over; the app's own operations are parts of those. */
  readonly hostReports: boolean;
  /** What the app is called there. */
  readonly roleName: string;
}

/** Undefined when there is no telemetry, or its setting is a fault, which `readConfig` tells. */
export function telemetrySettings(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): TelemetrySettings | undefined {
  const connectionString = variables.APPLICATIONINSIGHTS_CONNECTION_STRING;
  if (!connectionString || !INSIGHTS.test(connectionString)) return undefined;
  return {
    connectionString: connectionString.replace(/;$/, ""),
    withIdentity: /(^|;)\s*Authorization\s*=\s*AAD/i.test(variables.APPLICATIONINSIGHTS_AUTHENTICATION_STRING ?? ""),
    hostReports: variables.AZURE_FUNCTIONS_ENVIRONMENT !== undefined,
    roleName: variables.WEBSITE_SITE_NAME || "cairn",
  };
}

/** Microsoft's client would report on itself to Microsoft; it asks nobody but the environment whether it may. */
export function keepTelemetryHome(): void {
  process.env.APPLICATION_INSIGHTS_NO_STATSBEAT = "true";
}
