import type { WorkQueue } from "../stores/work-queue.ts";
import { invalid } from "./errors.ts";
import { cut } from "./validation.ts";

/** What somebody who sends a message has at least. */
interface Sender {
  readonly stores: { readonly queue: WorkQueue };
}

/** A queue of messages of one kind. A message only says what to look at: whoever handles it reads how that stands by then. */
export interface MessageQueue<M> {
  readonly name: string;
  send(sender: Sender, message: M, delaySeconds?: number): Promise<void>;
  /**
   * @param sent a message as the runtime hands it over, with its JSON parsed
   * @throws InvalidParameter for what is no message of this queue
   */
  read(sent: unknown): M;
}

/** Reads the members of a message that came from outside. */
interface MessageFields {
  /** What may be an id of ours. */
  id(name: string): string;
  oneOf<T extends string>(name: string, accepted: readonly T[]): T;
}

const ID = /^[A-Za-z0-9_-]{1,128}$/;

/** @param read makes a message of its members */
export function messageQueue<M>(name: string, read: (fields: MessageFields) => M): MessageQueue<M> {
  return {
    name,
    send: async ({ stores }, message, delaySeconds) => {
      await stores.queue.send(name, JSON.stringify(message), delaySeconds);
    },
    read: (sent) => read(fieldsOf(name, sent)),
  };
}

function fieldsOf(queue: string, sent: unknown): MessageFields {
  if (typeof sent !== "object" || sent === null || Array.isArray(sent)) {
    throw invalid(`A message of the queue ${queue} is a JSON object, not ${shown(sent)}.`);
  }
  const members = sent as Readonly<Record<string, unknown>>;
  const refuse = (name: string, accepted: string): never => {
    throw invalid(
      `'${name}' of a message of the queue ${queue} is ${accepted}, not ${shown(Object.hasOwn(members, name) ? members[name] : undefined)}.`,
    );
  };
  return {
    id: (name) => {
      const value = Object.hasOwn(members, name) ? members[name] : undefined;
      return typeof value === "string" && ID.test(value) ? value : refuse(name, "an id");
    },
    oneOf: (name, accepted) => {
      const value = Object.hasOwn(members, name) ? members[name] : undefined;
      return accepted.find((one) => one === value) ?? refuse(name, `one of ${accepted.join(", ")}`);
    },
  };
}

function shown(value: unknown): string {
  return cut(JSON.stringify(value) ?? "absent");
}
