import { InvalidArgument, TooLarge } from "../stores/errors.ts";
import { type ErrorCode, WorkspaceError } from "./errors.ts";
import type { MessageQueue } from "./message-queue.ts";
import type { Realm } from "./workspaces.ts";

/** What is done about the messages of a queue. Safe to run twice, at any time, and after a death at any point. */
export interface MessageHandler<M> {
  handle(realm: Realm, message: M): Promise<void>;
  /** Where the item that the message names has a state: it fails, with this reason. */
  fail?(realm: Realm, message: M, reason: Error): Promise<void>;
}

/** Later, the same may succeed. */
const PASSING: readonly ErrorCode[] = ["Conflict", "TooManyRequests", "Unavailable", "StorageFull"];

/** Whether the same again would fail again. What nobody has foreseen may pass. */
export function isDeterministic(error: unknown): error is Error {
  if (error instanceof WorkspaceError) return !PASSING.includes(error.code);
  return error instanceof InvalidArgument || error instanceof TooLarge;
}

/**
 * Handles a message as it came. What passes is thrown, so that the message goes back to its queue; what would fail again fails the item, or, where
 * there is none that could fail, puts the message aside at once.
 * @param sent with its JSON parsed
 * @returns why it failed for good
 */
export async function handleMessage<M>(
  realm: Realm,
  queue: MessageQueue<M>,
  handler: MessageHandler<M>,
  sent: unknown,
): Promise<Error | undefined> {
  let message: M | undefined;
  try {
    message = queue.read(sent);
    await handler.handle(realm, message);
    return undefined;
  } catch (error) {
    if (!isDeterministic(error)) throw error;
    if (message !== undefined && handler.fail) await handler.fail(realm, message, error);
    else await realm.stores.queue.send(asideOf(queue.name), typeof sent === "string" ? sent : JSON.stringify(sent));
    return error;
  }
}

/** Where the runtime puts what it has tried too often. */
function asideOf(queueName: string): string {
  return `${queueName}-poison`;
}
