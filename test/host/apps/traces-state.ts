import type { WorkQueue } from "../../../shared/stores/work-queue.ts";

/** Where the functions send to. */
export const outbox: { queue?: WorkQueue } = {};
