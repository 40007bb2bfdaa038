import { AlreadyExists, PreconditionFailed, type StoreError, TooLarge } from "../../stores/errors.ts";
import { ConnectionLost } from "./wire.ts";

/** A failure that may pass when the same is tried again. */
export interface PassingFailure {
  /** Whether the service may have done what was asked. */
  readonly mayHaveHappened: boolean;
  /** The service refused it, having too much to do. */
  readonly isThrottling?: boolean;
  /** As the service asks; absent: at our discretion. */
  readonly retryAfterMs?: number;
  readonly what: string;
  readonly advice: string;
}

/** What a batch is refused with, and why an operation in it failed. */
export class OperationFailed extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`An operation of the batch was answered with ${code}.`);
    this.name = new.target.name;
    this.code = code;
  }
}

const OUTAGE = "See the status of Azure and the health of the Cosmos DB account.";

const PASSING: Readonly<Record<string, Omit<PassingFailure, "retryAfterMs">>> = {
  429: {
    mayHaveHappened: false,
    isThrottling: true,
    what: "429 (too many requests)",
    advice: "When it goes on, raise the throughput of the Cosmos DB account, or spread the load over more time.",
  },
  449: { mayHaveHappened: false, what: "449 (retry with)", advice: "Too many writes meet at one document." },
  408: { mayHaveHappened: true, what: "408 (request timeout)", advice: OUTAGE },
  410: { mayHaveHappened: true, what: "410 (gone)", advice: OUTAGE },
  502: { mayHaveHappened: true, what: "502 (bad gateway)", advice: OUTAGE },
  503: { mayHaveHappened: true, what: "503 (service unavailable)", advice: OUTAGE },
  504: { mayHaveHappened: true, what: "504 (gateway timeout)", advice: OUTAGE },
  TimeoutError: { mayHaveHappened: true, what: "nothing in time", advice: OUTAGE },
};

interface ServiceError {
  readonly code?: number | string;
  readonly substatus?: number;
  readonly retryAfterInMs?: number;
}

/** Undefined for errors that come again however often it is tried: bad requests, refused credentials, and whatever is not the service's. */
export function passingFailure(error: unknown): PassingFailure | undefined {
  if (error instanceof ConnectionLost) {
    return { mayHaveHappened: error.maySent, what: error.message, advice: "Check the endpoint and the network." };
  }
  const { code, retryAfterInMs } = error as ServiceError;
  const failure = PASSING[String(code)];
  return failure && { ...failure, retryAfterMs: retryAfterInMs };
}

/** The error of the service inside the one that the SDK makes of it when a whole batch is refused. */
export function withoutWrapping(error: unknown): unknown {
  const wrapped = error instanceof Error && error.message.startsWith("Batch request error") && error.cause;
  return wrapped || error;
}

export function statusOf(error: unknown): number | string | undefined {
  return (error as ServiceError).code;
}

/** Whether the document is absent; not so when its container is, or a session's state. */
export function isAbsent(response: { readonly statusCode: number; readonly substatus?: number }): boolean {
  return response.statusCode === 404 && !response.substatus;
}

/** The error of the store for one of the service on writing a document; any other comes back as it is. */
export function writeError(error: unknown, id: string): unknown {
  const { code, substatus } = error as ServiceError;
  if (code === 404 && substatus) return error;
  return storeError(code, id, error) ?? error;
}

function storeError(code: unknown, id: string, cause: unknown): StoreError | undefined {
  switch (code) {
    case 409:
      return new AlreadyExists(`An item with the id ${id} or its unique value exists.`, { cause });
    case 404:
    case 412:
      return new PreconditionFailed(`The item ${id} has changed or is gone.`, { cause });
    case 413:
      return new TooLarge(`What is to be written with the item ${id} is larger than the service takes.`, { cause });
    default:
      return undefined;
  }
}
