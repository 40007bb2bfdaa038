import type { BatchOperation, Item } from "../stores/document-store.ts";
import { MAX_BATCH_BYTES } from "../stores/document-store.ts";
import { BATCH_BYTES, inBatches } from "./batches.ts";
import { WorkspaceError } from "./errors.ts";
import type { SectionName } from "./record-shape.ts";

/** What callers call them. */
const SECTIONS: Readonly<Record<SectionName, string>> = {
  params: "params",
  tags: "tags",
  metrics: "metrics",
  inputs: "datasets",
  modelInputs: "models",
  outputs: "models",
};

/**
 * The batches of a change, each with room for the head that goes with it, encoded and judged before the first one is written: what is refused has
 * written nothing.
 * @param operations pages, and points that belong to the change
 * @throws TooLarge, naming what the caller sent
 */
export function judgedBatches(head: Item, operations: readonly BatchOperation[]): BatchOperation[][] {
  const headBytes = Buffer.byteLength(JSON.stringify(head));
  const most = Math.min(BATCH_BYTES, MAX_BATCH_BYTES - headBytes - SLACK_BYTES);
  for (const operation of operations) {
    if (operation.kind === "remove") continue;
    const bytes = Buffer.byteLength(JSON.stringify(operation.item));
    if (bytes > most) throw tooLarge(wordsFor(operation.item), bytes, most);
  }
  return inBatches(operations, most);
}

/** For what a batch has besides its items. */
const SLACK_BYTES = 10_000;

function wordsFor(item: Item): string {
  return "section" in item ? SECTIONS[item.section as SectionName] : "metrics";
}

function tooLarge(words: string, bytes: number, most: number): WorkspaceError {
  return new WorkspaceError(
    "TooLarge",
    `With these, the ${words} would take more room than one run or model has: ${bytes} bytes in one part of its ${words}, which holds at ` +
      `most ${most}. Nothing was written. Send fewer or shorter ${words}.`,
  );
}
