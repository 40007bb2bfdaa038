/**
 * What a store can refuse. Drivers translate their technology's errors into these and let everything else through
 * unchanged, so that an outage or an expired credential is never mistaken for "not there" or "somebody was faster".
 */
export class StoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** `create` met an item of the same id, or of the same `unique` value, in the partition (HTTP 409 in Azure). */
export class AlreadyExists extends StoreError {}

/** The ETag given is not current, or the thing is gone: somebody else was faster (HTTP 412, or 404 on a replace). */
export class PreconditionFailed extends StoreError {}

/** The item, batch, message or block is larger than the store takes (HTTP 413). */
export class TooLarge extends StoreError {}

/** The argument can never be stored: a bad id or name, a number that JSON would change, a lone surrogate (HTTP 400). */
export class InvalidArgument extends StoreError {}

/**
 * The store was too busy or out of reach until the time for retries was over. Trying again later is right (HTTP 503 to our callers); a
 * write may or may not have happened, the message says which.
 */
export class StoreUnavailable extends StoreError {
  /** How long to wait before trying again. */
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** There is no room for more; nothing was written. Only somebody who makes room can help (HTTP 507 to our callers). */
export class StoreFull extends StoreError {}

/** What is stored cannot be used until somebody puts something right; the message says what (HTTP 503 to our callers). */
export class StoreUnusable extends StoreError {}

/** Another program held the store all the time; nothing was written. */
export class StoreLocked extends StoreUnavailable {}

/** The store was at its limit all the time, and refused without doing anything (HTTP 429 to our callers). */
export class StoreThrottled extends StoreUnavailable {}
