import { exceeds, firstCharacters, lastCharacters } from "../characters.ts";
import { type ErrorCode, WorkspaceError } from "../domain/errors.ts";
import { redact } from "../redact.ts";
import { StoreFull, StoreLocked, StoreThrottled, StoreUnavailable, StoreUnusable, TooLarge } from "../stores/errors.ts";
import type { AppResponse } from "./types.ts";

/** The status that goes with each refusal. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  InvalidParameter: 400,
  NotFound: 404,
  AlreadyExists: 409,
  InvalidState: 409,
  Conflict: 412,
  TooLarge: 413,
  Unauthenticated: 401,
  PermissionDenied: 403,
  NotImplemented: 501,
  TooManyRequests: 429,
  Unavailable: 503,
  StorageFull: 507,
};

/** What callers read of a store that could not be used; the rest is for the log. */
export function storeRefusal(error: StoreInTrouble): { code: ErrorCode; message: string } {
  if (error instanceof StoreFull) return { code: "StorageFull", message: FULL };
  if (error instanceof StoreUnusable) return { code: "Unavailable", message: error.message };
  if (error instanceof StoreLocked) return { code: "Unavailable", message: LOCKED };
  return error instanceof StoreThrottled
    ? { code: "TooManyRequests", message: "The store takes no more requests right now. Try again a little later." }
    : { code: "Unavailable", message: "The store does not answer. Try again a little later." };
}

type StoreInTrouble = StoreUnavailable | StoreFull | StoreUnusable;

/** Whether a store was in trouble, which is somebody's to look after. */
export function isStoreInTrouble(error: unknown): error is StoreInTrouble {
  return error instanceof StoreUnavailable || error instanceof StoreFull || error instanceof StoreUnusable;
}

const FULL = "The disk that holds this workspace is full: nothing was stored. Make room on it, then try again.";
const LOCKED =
  "Another program holds the database of this workspace (cairn.db): nothing was stored. Close it there, or try again a little later.";

/** Problem details (RFC 9457) for a refusal; undefined for what is our fault, which the caller logs. */
export function problemResponse(error: unknown): AppResponse | undefined {
  if (error instanceof WorkspaceError) {
    const response = problem(STATUS[error.code], error.code, error.message);
    return withAdvice(error.code, response);
  }
  if (error instanceof TooLarge) return problem(413, "TooLarge", error.message);
  if (isStoreInTrouble(error)) {
    const { code, message } = storeRefusal(error);
    return withAdviceOf(error, problem(STATUS[code], code, message));
  }
  return undefined;
}

/** Coming again helps where the store only was busy or away. */
export function withAdviceOf(error: StoreInTrouble, response: AppResponse): AppResponse {
  return error instanceof StoreUnavailable ? withRetryAfter(response, error.retryAfterSeconds) : response;
}

/** Tells clients when to come again. */
export function withRetryAfter(response: AppResponse, seconds: number): AppResponse {
  return { ...response, headers: { ...response.headers, "retry-after": String(Math.max(1, Math.ceil(seconds))) } };
}

/** A store in trouble is somebody's to look after, whatever the caller does. */
export function refusalLogged(refusal: AppResponse, error: unknown, logError: (error: unknown) => void): AppResponse {
  if (isStoreInTrouble(error)) logError(error);
  return refusal;
}

const MAX_MESSAGE = 600;
/** So much of each end is searched for secrets, more than any of them is long: none is shown because its other half was cut off. */
const SEARCHED = 16 * 1024;

/** A message as it is answered: what a caller sent comes back in part only and without secrets; the end tells what would be accepted. */
export function brief(message: string): string {
  if (message.length > 2 * SEARCHED) return ends(redact(message.slice(0, SEARCHED)), redact(message.slice(-SEARCHED)));
  const shown = redact(message);
  return exceeds(shown, MAX_MESSAGE) ? ends(shown, shown) : shown;
}

function ends(first: string, last: string): string {
  return `${firstCharacters(first, 300)} … ${lastCharacters(last, 250)}`;
}

/** What a client can do about a refusal, for programs. Not `Basic`, for which browsers would ask their users. */
export function withAdvice(code: ErrorCode, response: AppResponse): AppResponse {
  if (code === "Unavailable" || code === "TooManyRequests") return withRetryAfter(response, 1);
  if (code !== "Unauthenticated") return response;
  return { ...response, headers: { ...response.headers, "www-authenticate": 'Bearer realm="cairn"' } };
}

export function problem(status: number, title: string, detail: string): AppResponse {
  return {
    status,
    headers: { "content-type": "application/problem+json" },
    body: JSON.stringify({ type: "about:blank", title, status, detail: brief(detail) }),
  };
}
