import type { StorageQueueHandler } from "@azure/functions";
import type { MessageHandler } from "../shared/domain/handle-message.ts";
import type { MessageQueue } from "../shared/domain/message-queue.ts";
import { FOLD_QUEUE, PURGE_QUEUE, SEAL_QUEUE, SNAPSHOT_QUEUE } from "../shared/domain/queues.ts";

type Work = typeof import("./background.ts");

interface QueueFunction {
  readonly name: string;
  readonly handler: StorageQueueHandler;
}

/** Every queue with what handles its messages. infra/ makes these queues, which test/infra checks. */
export const QUEUES: readonly QueueFunction[] = [
  works(FOLD_QUEUE, ({ foldMetrics }) => foldMetrics),
  works(SEAL_QUEUE, ({ sealMetrics }) => sealMetrics),
  works(SNAPSHOT_QUEUE, ({ writeSnapshot }) => writeSnapshot),
  works(PURGE_QUEUE, ({ purge }) => purge),
];

/** @param handlerOf picks the handler, loaded with the first message since a start needs the name only */
function works<M>(queue: MessageQueue<M>, handlerOf: (work: Work) => MessageHandler<M>): QueueFunction {
  const handler: StorageQueueHandler = async (sent, context) => {
    const work = await import("./background.ts");
    await work.receive(queue, handlerOf(work), sent, context);
  };
  return { name: queue.name, handler };
}
