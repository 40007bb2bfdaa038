import { inspect } from "node:util";
import type { InvocationContext } from "@azure/functions";
import { redact } from "../shared/redact.ts";

/** On answers that are our fault or our stores': what the log and telemetry know them by. */
export const INVOCATION_HEADER = "x-cairn-invocation-id";

/** Logs what went wrong, with its cause, but without the secrets that errors of stores and libraries quote. */
export function logFault(invocation: InvocationContext, error: unknown): void {
  invocation.error(redact(inspect(error)));
}

/** What the platform logs when an answer fails on its way, in the same words. */
export function brokenOff(error: unknown): Error {
  return new Error(`The answer broke off: ${redact(inspect(error))}`);
}
