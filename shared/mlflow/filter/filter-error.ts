import { WorkspaceError } from "../../domain/errors.ts";

/** A filter or order_by that cannot be understood or is too large. The message may be shown; it names what would be accepted. */
export class FilterError extends WorkspaceError {
  constructor(message: string) {
    super("InvalidParameter", message);
    this.name = "FilterError";
  }
}

export const MAX_FILTER_LENGTH = 64 * 1024;
export const MAX_CLAUSES = 200;
export const MAX_LIST_ITEMS = 10_000;
export const MAX_ORDER_KEYS = 100;
