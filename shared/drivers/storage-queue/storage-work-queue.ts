import type { DequeuedMessageItem, QueueClient, QueueServiceClient } from "@azure/storage-queue";
import type { QueueMessage, WorkQueue } from "../../stores/work-queue.ts";
import {
  checkBody,
  checkDelay,
  checkQueueName,
  checkReceive,
  checkUpdate,
  lostMessage,
} from "../common/queue-rules.ts";
import { type Attempt, type CallKind, READ, type Retries, WRITE } from "../common/retries.ts";
import { refusalCode } from "../common/storage-errors.ts";
import { decodeBody, encodeBody } from "./message-body.ts";

const NEVER_EXPIRES = -1;

type Receipt = Pick<QueueMessage, "id" | "popReceipt">;

/**
 * Queues in Azure Storage Queue. Bodies travel as base64, as the Functions runtime expects them. A request whose answer got lost is
 * repeated: a message may be sent twice, and received ones come again when their time is over.
 */
export class StorageWorkQueue implements WorkQueue {
  readonly #service: QueueServiceClient;
  readonly #retry: Retries;
  readonly #clients = new Map<string, QueueClient>();

  constructor(service: QueueServiceClient, retry: Retries) {
    this.#service = service;
    this.#retry = retry;
  }

  /** Sends it twice when the answer to the first attempt gets lost. */
  async send(queue: string, body: string, delaySeconds = 0): Promise<string> {
    checkQueueName(queue);
    checkBody(body);
    checkDelay(delaySeconds);
    const sent = await this.#ask(WRITE, queue, `send to ${queue}`, (client, { signal }) =>
      client.sendMessage(encodeBody(body), {
        abortSignal: signal,
        visibilityTimeout: delaySeconds,
        messageTimeToLive: NEVER_EXPIRES,
      }),
    );
    return sent.messageId;
  }

  async receive(queue: string, max: number, visibilitySeconds: number): Promise<QueueMessage[]> {
    checkQueueName(queue);
    checkReceive(max, visibilitySeconds);
    const { receivedMessageItems } = await this.#ask(WRITE, queue, `receive from ${queue}`, (client, { signal }) =>
      client.receiveMessages({
        abortSignal: signal,
        numberOfMessages: max,
        visibilityTimeout: visibilitySeconds,
      }),
    );
    return receivedMessageItems.map(received);
  }

  /** When its answer gets lost the new receipt is lost too: PreconditionFailed, and the message comes again to whoever receives it. */
  async update(queue: string, message: Receipt, visibilitySeconds: number, body?: string): Promise<string> {
    checkQueueName(queue);
    checkUpdate(visibilitySeconds);
    if (body !== undefined) checkBody(body);
    const text = body === undefined ? undefined : encodeBody(body);
    const { id, popReceipt } = message;
    const updated = await this.#ask(WRITE, queue, `update a message of ${queue}`, (client, { signal }) =>
      client.updateMessage(id, popReceipt, text, visibilitySeconds, { abortSignal: signal }),
    ).catch((error) => {
      throw isLost(error) ? lostMessage(id) : error;
    });
    return updated.popReceipt!;
  }

  async remove(queue: string, message: Receipt): Promise<void> {
    checkQueueName(queue);
    const { id, popReceipt } = message;
    await this.#ask(WRITE, queue, `remove a message from ${queue}`, async (client, { signal, isRepeat }) => {
      try {
        await client.deleteMessage(id, popReceipt, { abortSignal: signal });
      } catch (error) {
        if (!isLost(error)) throw error;
        const isDone = isRepeat && refusalCode(error) === "MessageNotFound";
        if (!isDone) throw lostMessage(id);
      }
    });
  }

  /** Approximate where messages come and go meanwhile. */
  async count(queue: string): Promise<number> {
    checkQueueName(queue);
    const { approximateMessagesCount } = await this.#ask(READ, queue, `count ${queue}`, (client, { signal }) =>
      client.getProperties({ abortSignal: signal }),
    );
    return approximateMessagesCount ?? 0;
  }

  /** Asks with retries, and makes the queue when it turns out to be missing. */
  #ask<T>(
    kind: CallKind,
    queue: string,
    what: string,
    ask: (client: QueueClient, attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    const client = this.#client(queue);
    return this.#retry(kind, what, async (attempt) => {
      try {
        return await ask(client, attempt);
      } catch (error) {
        if (refusalCode(error) !== "QueueNotFound") throw error;
        await client.createIfNotExists({ abortSignal: attempt.signal });
        return ask(client, attempt);
      }
    });
  }

  #client(queue: string): QueueClient {
    const client = this.#clients.get(queue) ?? this.#service.getQueueClient(queue);
    this.#clients.set(queue, client);
    return client;
  }
}

/** Whether the receipt is old or the message gone. */
function isLost(error: unknown): boolean {
  const code = refusalCode(error);
  return code === "PopReceiptMismatch" || code === "MessageNotFound";
}

function received(item: DequeuedMessageItem): QueueMessage {
  return {
    id: item.messageId,
    popReceipt: item.popReceipt,
    body: decodeBody(item.messageText),
    dequeueCount: item.dequeueCount,
    insertedAtMs: item.insertedOn.getTime(),
    expiresAtMs: item.expiresOn.getTime(),
    nextVisibleAtMs: item.nextVisibleOn.getTime(),
  };
}
