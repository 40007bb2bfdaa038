import { TooLarge } from "../stores/errors.ts";

export type ErrorCode =
  /** The request can never succeed as it is: a wrong type, value, length, name or combination. */
  | "InvalidParameter"
  | "NotFound"
  | "AlreadyExists"
  /** The request is right, but the resource is in a state that does not allow it. */
  | "InvalidState"
  /** Somebody else changed the resource meanwhile, and the caller asked to be told. */
  | "Conflict"
  | "TooLarge"
  | "Unauthenticated"
  | "PermissionDenied"
  | "NotImplemented"
  /** The stores are at their limit. Worth trying again later. */
  | "TooManyRequests"
  /** Worth trying again later. */
  | "Unavailable"
  /** There is no room to store more, until somebody makes some. */
  | "StorageFull";

/**
 * A refusal that the caller may read. The message names the parameter, the value and what would be accepted; nothing private goes into it.
 * Every surface maps `code` to its own status and shape (mlflow/errors.ts, http/refusal.ts).
 */
export class WorkspaceError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "WorkspaceError";
    this.code = code;
  }
}

/**
 * Says in the caller's words what has become larger than a store takes, where the store names its item.
 * @param what for instance "The tags of this experiment"
 */
export async function sayTooLarge<T>(what: string, write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    const message = `${what} would take more room than there is (2 MB of JSON). Nothing was written. Send fewer or shorter ones.`;
    throw new WorkspaceError("TooLarge", message, { cause: error });
  }
}

export const invalid = (message: string): WorkspaceError => new WorkspaceError("InvalidParameter", message);
export const notFound = (message: string): WorkspaceError => new WorkspaceError("NotFound", message);
export const alreadyExists = (message: string): WorkspaceError => new WorkspaceError("AlreadyExists", message);
export const invalidState = (message: string): WorkspaceError => new WorkspaceError("InvalidState", message);
