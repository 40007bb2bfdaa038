import { InvalidArgument, PreconditionFailed, TooLarge } from "../../stores/errors.ts";
import { MAX_MESSAGE_BYTES } from "../../stores/work-queue.ts";

const QUEUE_NAME = /^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/;
const MAX_RECEIVE = 32;
/** The longest delay or invisibility. */
export const MAX_SECONDS = 7 * 24 * 60 * 60;

/** What Storage Queue reports for messages that never expire: 9999-12-31T23:59:59Z. */
export const NEVER_MS = 253_402_300_799_000;

/** @throws InvalidArgument */
export function checkQueueName(queue: string): void {
  if (!QUEUE_NAME.test(queue)) {
    throw new InvalidArgument(`queue: ${JSON.stringify(queue)} must be 3-63 of a-z, 0-9 and single -, none at an end.`);
  }
}

/** @throws InvalidArgument for text that is not well-formed, TooLarge beyond 48 KB of UTF-8 */
export function checkBody(body: string): void {
  if (!body.isWellFormed()) throw new InvalidArgument("body: has a surrogate that is not one of a pair.");
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_MESSAGE_BYTES)
    throw new TooLarge(`body: ${bytes} bytes, a message takes at most ${MAX_MESSAGE_BYTES}.`);
}

/** @throws InvalidArgument unless from 0 seconds to 7 days */
export function checkDelay(delaySeconds: number): void {
  checkWhole("delaySeconds", delaySeconds, 0, MAX_SECONDS);
}

/** @throws InvalidArgument unless 1-32 messages are asked for, and hidden for a second to 7 days */
export function checkReceive(max: number, visibilitySeconds: number): void {
  checkWhole("max", max, 1, MAX_RECEIVE);
  checkWhole("visibilitySeconds", visibilitySeconds, 1, MAX_SECONDS);
}

/** @throws InvalidArgument unless from 0 seconds to 7 days */
export function checkUpdate(visibilitySeconds: number): void {
  checkWhole("visibilitySeconds", visibilitySeconds, 0, MAX_SECONDS);
}

/** What an old receipt, or one of a message that is gone, meets. */
export function lostMessage(id: string): PreconditionFailed {
  return new PreconditionFailed(`The message ${id} is gone, or belongs to another receiver by now.`);
}

function checkWhole(field: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new InvalidArgument(`${field}: ${value} must be a whole number from ${least} to ${most}.`);
  }
}
