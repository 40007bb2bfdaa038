import { type ErrorCode, WorkspaceError } from "../domain/errors.ts";
import { brief, isStoreInTrouble, storeRefusal, withAdvice, withAdviceOf } from "../http/problem.ts";
import type { AppResponse } from "../http/types.ts";
import { TooLarge } from "../stores/errors.ts";
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
  StorageFull: ["RESOURCE_EXHAUSTED", 507],
};

/** MLflow's classes of errors and their SQLSTATEs, which newer clients read (mlflow/error_classification.py); the other codes have none. */
const CLASSES: Readonly<Record<string, readonly [errorClass: string, sqlstate: string]>> = {
  INVALID_PARAMETER_VALUE: ["INVALID_PARAMETER_VALUE", "KAM00"],
  RESOURCE_DOES_NOT_EXIST: ["RESOURCE_NOT_FOUND", "KAM00"],
  ENDPOINT_NOT_FOUND: ["RESOURCE_NOT_FOUND", "KAM00"],
  RESOURCE_ALREADY_EXISTS: ["RESOURCE_ALREADY_EXISTS", "KAM00"],
  PERMISSION_DENIED: ["PERMISSION_DENIED", "KAM00"],
  INVALID_STATE: ["CLIENT_INTERNAL_ERROR", "XXM00"],
  TEMPORARILY_UNAVAILABLE: ["CLIENT_INTERNAL_ERROR", "XXM00"],
  INTERNAL_ERROR: ["CLIENT_INTERNAL_ERROR", "XXM00"],
};

/** Undefined for what is nobody's fault but ours: the caller logs it and answers `internalError`. */
export function errorResponse(error: unknown): AppResponse | undefined {
  if (error instanceof WorkspaceError) {
    const [errorCode, status] = CODES[error.code];
    const response = refusal(status, errorCode, brief(error.message));
    return withAdvice(error.code, response);
  }
  if (error instanceof FilterError) {
    return refusal(400, "INVALID_PARAMETER_VALUE", brief(error.message));
  }
  if (error instanceof TooLarge) {
    return refusal(413, "INVALID_PARAMETER_VALUE", brief(error.message));
  }
  if (isStoreInTrouble(error)) {
    const { code, message } = storeRefusal(error);
    const [errorCode, status] = CODES[code];
    return withAdviceOf(error, refusal(status, errorCode, message));
  }
  return undefined;
}

export const internalError: AppResponse = refusal(
  500,
  "INTERNAL_ERROR",
  "An internal error occurred. The server's log has the details.",
);

/** What MLflow's clients take for "this server does not have that feature". */
export const noSuchRoute: AppResponse = refusal(404, "ENDPOINT_NOT_FOUND", "No such endpoint.");

function refusal(status: number, errorCode: string, message: string): AppResponse {
  const [errorClass, sqlstate] = CLASSES[errorCode] ?? [];
  return json(status, {
    error_code: errorCode,
    message,
    ...(errorClass && { sqlstate, error_class: errorClass }),
  });
}

export function json(status: number, value: unknown): AppResponse {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}
