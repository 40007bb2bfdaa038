import { type ErrorCode, WorkspaceError } from "../domain/errors.ts";
import { brief, storeRefusal, withAdvice, withRetryAfter } from "../http/problem.ts";
import type { AppResponse } from "../http/types.ts";
import { StoreUnavailable, TooLarge } from "../stores/errors.ts";
import { FilterError } from "./filter/filter-error.ts";

/** MLflow's error codes and the statuses that go with them. Deterministic refusals are never 5xx: clients retry those for minutes. */
const CODES: Record<ErrorCode, readonly [errorCode: string, status: number]> = {
  InvalidParameter: ["INVALID_PARAMETER_VALUE", 400],
  NotFound: ["RESOURCE_DOES_NOT_EXIST", 404],
  AlreadyExists: ["RESOURCE_ALREADY_EXISTS", 400],
  InvalidState: ["INVALID_STATE", 400],
  Conflict: ["RESOURCE_CONFLICT", 409],
  TooLarge: ["INVALID_PARAMETER_VALUE", 413],
  Unauthenticated: ["UNAUTHENTICATED", 401],
  PermissionDenied: ["PERMISSION_DENIED", 403],
  NotImplemented: ["NOT_IMPLEMENTED", 501],
  TooManyRequests: ["REQUEST_LIMIT_EXCEEDED", 429],
  Unavailable: ["TEMPORARILY_UNAVAILABLE", 503],
};

/** Undefined for what is nobody's fault but ours: the caller logs it and answers `internalError`. */
export function errorResponse(error: unknown): AppResponse | undefined {
  if (error instanceof WorkspaceError) {
    const [errorCode, status] = CODES[error.code];
    const response = json(status, { error_code: errorCode, message: brief(error.message) });
    return withAdvice(error.code, response);
  }
  if (error instanceof FilterError) {
    return json(400, { error_code: "INVALID_PARAMETER_VALUE", message: brief(error.message) });
  }
  if (error instanceof TooLarge) {
    return json(413, { error_code: "INVALID_PARAMETER_VALUE", message: brief(error.message) });
  }
  if (error instanceof StoreUnavailable) {
    const { code, message } = storeRefusal(error);
    const [errorCode, status] = CODES[code];
    return withRetryAfter(json(status, { error_code: errorCode, message }), error.retryAfterSeconds);
  }
  return undefined;
}

export const internalError: AppResponse = json(500, {
  error_code: "INTERNAL_ERROR",
  message: "An internal error occurred. The server's log has the details.",
});

/** What MLflow's clients take for "this server does not have that feature". */
export const noSuchRoute: AppResponse = json(404, { error_code: "ENDPOINT_NOT_FOUND", message: "No such endpoint." });

export function json(status: number, value: unknown): AppResponse {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}
