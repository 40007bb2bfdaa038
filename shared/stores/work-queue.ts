export interface QueueMessage {
  readonly id: string;
  /** Needed to update or remove; valid until the message is received or updated again. */
  readonly popReceipt: string;
  readonly body: string;
  /** How often it has been received, this time included: 1 at first. */
  readonly dequeueCount: number;
  readonly insertedAtMs: number;
  readonly expiresAtMs: number;
  readonly nextVisibleAtMs: number;
}

export const MAX_MESSAGE_BYTES = 48 * 1024;

/**
 * Queues of text messages, in Azure Storage Queue's terms: at least once, roughly in order, invisible while being handled.
 *
 * Laws:
 * - A queue exists from its first use. Names: 3-63 of lower-case letters, digits and single `-`; else InvalidArgument.
 * - Any well-formed text up to 48 KB of UTF-8 survives unchanged (64 KB after base64); else TooLarge or InvalidArgument.
 * - A received message is invisible for `visibilitySeconds`, then comes again with a higher `dequeueCount`, until it is removed.
 *   Of many receivers exactly one gets it at a time.
 * - An old pop receipt raises PreconditionFailed: the message belongs to somebody else now.
 * - What was acknowledged survives the death of the process.
 */
export interface WorkQueue {
  /** Visible after `delaySeconds` (default 0, at most 7 days). Returns the message's id. */
  send(queue: string, body: string, delaySeconds?: number): Promise<string>;

  /** At most `max` (1-32) visible messages, oldest first. */
  receive(queue: string, max: number, visibilitySeconds: number): Promise<QueueMessage[]>;

  /** Sets when it becomes visible again (0: at once), and a new body when given. Returns the new pop receipt. */
  update(
    queue: string,
    message: Pick<QueueMessage, "id" | "popReceipt">,
    visibilitySeconds: number,
    body?: string,
  ): Promise<string>;

  /** Raises PreconditionFailed on an old receipt, and when it is gone. */
  remove(queue: string, message: Pick<QueueMessage, "id" | "popReceipt">): Promise<void>;

  /** Messages in the queue, invisible ones included. */
  count(queue: string): Promise<number>;
}

/** The queue with another way of sending. */
export function withSend(queue: WorkQueue, send: WorkQueue["send"]): WorkQueue {
  return {
    send,
    receive: (name, max, visibilitySeconds) => queue.receive(name, max, visibilitySeconds),
    update: (name, message, visibilitySeconds, body) => queue.update(name, message, visibilitySeconds, body),
    remove: (name, message) => queue.remove(name, message),
    count: (name) => queue.count(name),
  };
}
