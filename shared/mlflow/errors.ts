import type { Refusal, RefusalCode } from "../http/refusal.ts";
import type { AppResponse } from "../http/types.ts";

/** MLflow's error codes and the statuses that go with them. Deterministic refusals are never 5xx: clients retry those for minutes. */
const CODES: Record<RefusalCode, readonly [errorCode: string, status: number]> = {
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
  InternalError: ["INTERNAL_ERROR", 500],
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

/** A refusal as MLflow's clients read it. */
export function errorResponse({ code, message }: Refusal): AppResponse {
  const [errorCode, status] = CODES[code];
  return refusal(status, errorCode, message);
}

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
