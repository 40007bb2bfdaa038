import { type BatchOperation, MAX_BATCH_OPERATIONS } from "../stores/document-store.ts";

/** Leaves room for one more operation, of up to half a megabyte, in each batch. */
export const BATCH_BYTES = 1_500_000;

/** The operations in order, in as few batches as a store takes; at least one, which may be empty. Each has room for one small operation more. */
export function inBatches(operations: readonly BatchOperation[], most = BATCH_BYTES): BatchOperation[][] {
  const batches: BatchOperation[][] = [[]];
  let bytes = 0;
  for (const operation of operations) {
    const size = Buffer.byteLength(JSON.stringify(operation));
    const last = batches.at(-1)!;
    if (last.length > 0 && (bytes + size > most || last.length >= MAX_BATCH_OPERATIONS - 1)) {
      batches.push([operation]);
      bytes = size;
    } else {
      last.push(operation);
      bytes += size;
    }
  }
  return batches;
}
