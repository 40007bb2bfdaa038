import { exceeds, firstCharacters, lastCharacters } from "../characters.ts";
import { type ErrorCode, WorkspaceError } from "../domain/errors.ts";
import { redact } from "../redact.ts";
import { StoreFull, StoreLocked, StoreThrottled, StoreUnavailable, StoreUnusable, TooLarge } from "../stores/errors.ts";
import type { AppResponse } from "./types.ts";

/** Why a request is refused; `InternalError`: it is our fault. */
export type RefusalCode = ErrorCode | "InternalError";

/** What a caller is told who is refused; each dialect has its own shape for it. */
export interface Refusal {
  readonly code: RefusalCode;
  /** Short, and without secrets. */
  readonly message: string;
  /** What clients can do about it, for programs. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Somebody has to look after what is behind it: the error belongs into the log. */
  readonly isFault: boolean;
}

/** A dialect's shape for refusals. */
export type Refuse = (refusal: Refusal) => AppResponse;

/** The status that goes with each refusal where no other system's table is to be followed. */
export const STATUS: Readonly<Record<RefusalCode, number>> = {
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
  InternalError: 500,
};

const FULL = "The disk that holds this workspace is full: nothing was stored. Make room on it, then try again.";
const LOCKED =
  "Another program holds the database of this workspace (cairn.db): nothing was stored. Close it there, or try again a little later.";
const THROTTLED = "The store takes no more requests right now. Try again a little later.";
const AWAY = "The store does not answer. Try again a little later.";
const OUR_FAULT = "An internal error occurred. The server's log has the details.";

/** What an error means to the caller, whatever the dialect. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof WorkspaceError) return refused(error.code, error.message, adviceFor(error.code));
  if (error instanceof TooLarge) return refused("TooLarge", error.message);
  if (error instanceof StoreFull) return fault("StorageFull", FULL);
  if (error instanceof StoreUnavailable) return fault(...troubleOf(error), retryAfter(error.retryAfterSeconds));
  if (error instanceof StoreUnusable) return fault("Unavailable", error.message);
  return fault("InternalError", OUR_FAULT);
}

/** A store that could not be used; the rest is for the log. Coming again helps where it only was busy or away. */
function troubleOf(error: StoreUnavailable): [RefusalCode, string] {
  if (error instanceof StoreLocked) return ["Unavailable", LOCKED];
  return error instanceof StoreThrottled ? ["TooManyRequests", THROTTLED] : ["Unavailable", AWAY];
}

function refused(code: RefusalCode, message: string, headers?: Refusal["headers"]): Refusal {
  return { code, message: brief(message), headers, isFault: false };
}

function fault(code: RefusalCode, message: string, headers?: Refusal["headers"]): Refusal {
  return { ...refused(code, message, headers), isFault: true };
}

/** Not `Basic`, for which browsers would ask their users. */
function adviceFor(code: ErrorCode): Refusal["headers"] {
  if (code === "Unavailable" || code === "TooManyRequests") return retryAfter(1);
  return code === "Unauthenticated" ? { "www-authenticate": 'Bearer realm="cairn"' } : undefined;
}

/** Tells clients when to come again. */
export function retryAfter(seconds: number): Record<string, string> {
  return { "retry-after": String(Math.max(1, Math.ceil(seconds))) };
}

/** A refusal in the words of a dialect, whose own headers count. */
export function inWordsOf(refuse: Refuse, refusal: Refusal): AppResponse {
  const response = refuse(refusal);
  return { ...response, headers: { ...refusal.headers, ...response.headers } };
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
