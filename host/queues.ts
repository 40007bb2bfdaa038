import { PreconditionFailed } from "../shared/stores/errors.ts";
import { type QueueMessage, type WorkQueue, withSend } from "../shared/stores/work-queue.ts";
import type { RpcTypedData } from "./core-types.ts";
import type { QueueDefinition } from "./definitions.ts";
import type { QueueSettings } from "./host-json.ts";
import { type Invoker, invokeThroughLibrary, type TriggerInput } from "./invocation.ts";
import { describeError } from "./log.ts";
import { createPause } from "./pause.ts";
import { traceMessage } from "./trace.ts";

interface QueueOptions {
  readonly invoker: Invoker;
  readonly queue: WorkQueue;
  readonly settings: QueueSettings;
  /** How long a message stays invisible while its handler runs, renewed at half of it; after a crash it comes again then. */
  readonly leaseSeconds: number;
}

export interface QueueListener {
  readonly queueName: string;
  /** Looks into the queue at once. */
  wake(): void;
  /** Fetches no more; settles when the running handlers have finished. */
  stop(): Promise<void>;
}

/** Also before the first look, so that the first request after a start need not wait for the store. */
const FIRST_PAUSE_MS = 100;

/** Feeds one function from its queue until stopped. An empty queue is looked at ever more seldom. */
export function listenToQueue(options: QueueOptions, definition: QueueDefinition): QueueListener {
  const { settings, leaseSeconds } = options;
  const { queueName } = definition;
  const running = new Set<Promise<void>>();
  const pause = createPause();
  let pauseMs = FIRST_PAUSE_MS;
  let isStopped = false;
  let isWoken = false;

  const wake = () => {
    isWoken = true;
    pauseMs = FIRST_PAUSE_MS;
    pause.wake();
  };
  const start = (message: QueueMessage) => {
    const handling = traceMessage(message.body, () => handleMessage(options, definition, message));
    const handled = handling.finally(() => {
      running.delete(handled);
      if (running.size === settings.newBatchSize) wake();
    });
    running.add(handled);
  };
  const fetch = async () => {
    if (running.size > settings.newBatchSize) return false;
    const messages = await options.queue.receive(queueName, settings.batchSize, leaseSeconds);
    for (const message of messages) start(message);
    pauseMs = messages.length > 0 ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, settings.maxPollingIntervalMs);
    return messages.length > 0;
  };
  const poll = async () => {
    await pause.sleep(FIRST_PAUSE_MS);
    while (!isStopped) {
      isWoken = false;
      const found = await fetch().catch((error: unknown) => reportFault(options, definition, error));
      if (!found && !isWoken && !isStopped) await pause.sleep(pauseMs);
    }
  };
  const polling = poll();
  return {
    queueName,
    wake,
    stop: async () => {
      isStopped = true;
      pause.wake();
      await polling;
      await Promise.all(running);
    },
  };
}

/** The queue for the app: what it sends is handled at once, instead of at the next look into the queue. */
export function wakeOnSend(queue: WorkQueue, wake: (queueName: string) => void): WorkQueue {
  return withSend(queue, async (name, body, delaySeconds) => {
    const id = await queue.send(name, body, delaySeconds);
    if (!delaySeconds) wake(name);
    return id;
  });
}

/** What a queue function gets: the library parses the text as JSON when it can. */
export function queueInput(body: string, message?: QueueMessage): TriggerInput {
  return {
    data: { string: body },
    metadata: { QueueTrigger: { string: body }, ...(message ? messageMetadata(message) : {}) },
  };
}

function messageMetadata(message: QueueMessage): Record<string, RpcTypedData> {
  // As JSON, so that an id of digits stays a text.
  const text = (value: string) => ({ json: JSON.stringify(value) });
  const time = (milliseconds: number) => text(new Date(milliseconds).toISOString());
  return {
    DequeueCount: { json: String(message.dequeueCount) },
    ExpirationTime: time(message.expiresAtMs),
    Id: text(message.id),
    InsertionTime: time(message.insertedAtMs),
    NextVisibleTime: time(message.nextVisibleAtMs),
    PopReceipt: text(message.popReceipt),
  };
}

async function handleMessage(options: QueueOptions, definition: QueueDefinition, message: QueueMessage): Promise<void> {
  const lease = keepLease(options, definition, message);
  try {
    // A message that killed the process again and again never reaches the failure below.
    const isSpent = message.dequeueCount > options.settings.maxDequeueCount;
    const succeeded = !isSpent && (await runHandler(options, definition, message));
    const held = await lease.release();
    if (succeeded) await options.queue.remove(definition.queueName, held);
    else await giveBack(options, definition, held, message);
  } catch (error) {
    await lease.release();
    reportFault(options, definition, error);
  }
}

async function runHandler(
  { invoker }: QueueOptions,
  definition: QueueDefinition,
  message: QueueMessage,
): Promise<boolean> {
  try {
    await invokeThroughLibrary(invoker, definition, queueInput(message.body, message));
    return true;
  } catch (error) {
    invoker.log({
      level: "error",
      functionName: definition.name,
      message: `Message ${message.id} of queue ${definition.queueName}, attempt ${message.dequeueCount}: ${describeError(error)}`,
    });
    return false;
  }
}

async function giveBack(
  { queue, settings, invoker }: QueueOptions,
  { name: functionName, queueName }: QueueDefinition,
  held: Pick<QueueMessage, "id" | "popReceipt">,
  { id, body, dequeueCount }: QueueMessage,
): Promise<void> {
  if (dequeueCount < settings.maxDequeueCount) {
    await queue.update(queueName, held, settings.visibilityTimeoutSeconds);
    return;
  }
  await queue.send(`${queueName}-poison`, body);
  await queue.remove(queueName, held);
  invoker.log({ level: "warning", functionName, message: `Message ${id} was moved to the queue ${queueName}-poison.` });
}

/** Keeps the message invisible to others until released; gives the receipt that is valid then. */
function keepLease(
  { queue, leaseSeconds, invoker }: QueueOptions,
  { name: functionName, queueName }: QueueDefinition,
  message: QueueMessage,
): { release(): Promise<Pick<QueueMessage, "id" | "popReceipt">> } {
  const held = { id: message.id, popReceipt: message.popReceipt };
  let renewal: Promise<void> = Promise.resolve();
  const renew = async () => {
    try {
      held.popReceipt = await queue.update(queueName, held, leaseSeconds);
    } catch (error) {
      invoker.log({
        level: "warning",
        functionName,
        message: `Message ${held.id} could not be kept: ${describeError(error)}`,
      });
    }
  };
  const timer = setInterval(() => {
    renewal = renewal.then(renew);
  }, leaseSeconds * 500);
  return {
    release: async () => {
      clearInterval(timer);
      await renewal;
      return held;
    },
  };
}

/** Returns false, so that a fetch that failed counts as an empty one. */
function reportFault(
  { invoker }: QueueOptions,
  { name: functionName, queueName }: QueueDefinition,
  error: unknown,
): false {
  const message =
    error instanceof PreconditionFailed
      ? `A message of queue ${queueName} was taken over by another receiver.`
      : `Queue ${queueName}: ${describeError(error)}`;
  invoker.log({ level: error instanceof PreconditionFailed ? "warning" : "error", functionName, message });
  return false;
}
