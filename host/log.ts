import { redact } from "../shared/redact.ts";
import type { RpcLogLevel } from "./core-types.ts";

export interface LogLine {
  readonly level: RpcLogLevel;
  readonly message: string;
  readonly functionName?: string;
  readonly invocationId?: string;
  /** Of the trace that the invocation belongs to. */
  readonly traceId?: string;
  readonly spanId?: string;
}

export type Log = (line: LogLine) => void;

const QUIET_LEVELS: readonly RpcLogLevel[] = ["trace", "debug", "none"];

/** Writes one JSON object per line to standard error, without secrets; `trace` and `debug` are left out. */
export const logToStandardError: Log = (line) => {
  if (QUIET_LEVELS.includes(line.level)) return;
  const message = redact(line.message);
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...line, message })}\n`);
};

/** The stack where there is one: what a person needs to find the cause. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
