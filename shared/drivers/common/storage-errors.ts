import { StoreError } from "../../stores/errors.ts";

const TRANSIENT_STATUSES = new Set([408, 429, 500, 502, 503, 504]);

/** What the Azure storage clients raise for an answer that is an error, and for a request that got no answer. */
interface RestFailure extends Error {
  /** Undefined when no answer came. */
  readonly statusCode?: number;
  readonly code?: string;
  readonly details?: { readonly errorCode?: string };
  readonly response?: { readonly headers?: { get(name: string): string | undefined } };
}

/**
 * The service's name for its refusal, as `BlobNotFound`; undefined for everything else, so that a proxy's 404 or a failed sign-in is never
 * taken for the service's word.
 */
export function refusalCode(error: unknown): string | undefined {
  if (!isRestFailure(error) || error.statusCode === undefined) return undefined;
  return error.details?.errorCode ?? error.code;
}

/** Whether the same request may succeed a little later: the service is busy or failing, or no (whole) answer came. */
export function isTransient(error: unknown): boolean {
  if (!isRestFailure(error)) return false;
  if (error.statusCode === undefined || error.code === "PARSE_ERROR") return true;
  return TRANSIENT_STATUSES.has(error.statusCode);
}

/** Whether the service refused it, having too much to do; it has done nothing then. */
export function isThrottling(error: unknown): boolean {
  return (isRestFailure(error) && error.statusCode === 429) || refusalCode(error) === "ServerBusy";
}

/** How long the service asks us to wait, in milliseconds. */
export function retryAfterMs(error: unknown): number | undefined {
  const header = isRestFailure(error) ? error.response?.headers?.get("retry-after") : undefined;
  const seconds = Number(header ?? Number.NaN);
  return seconds >= 0 ? seconds * 1_000 : undefined;
}

function isRestFailure(error: unknown): error is RestFailure {
  return error instanceof Error && error.name === "RestError" && !(error instanceof StoreError);
}
