/** Orders two items of equal rank, given by index; negative when the first comes first. Never 0 for different items. */
type TieBreak = (left: number, right: number) => number;

/**
 * The first `limit` of the items 0 to `count` - 1, in order: by rank, ascending, then by `tieBreak`. Costs little more than one look at
 * each rank when `limit` is small.
 */
export function topK(count: number, limit: number, ranks: Float64Array, tieBreak: TieBreak): Uint32Array {
  const order = (left: number, right: number): number => {
    const leftRank = ranks[left]!;
    const rightRank = ranks[right]!;
    return leftRank < rightRank ? -1 : leftRank > rightRank ? 1 : tieBreak(left, right);
  };
  if (limit * 4 >= count) return firstOf(count, count).sort(order).subarray(0, limit);
  const heap = firstOf(count, limit);
  for (let parent = (limit >> 1) - 1; parent >= 0; parent--) siftDown(heap, parent, order);
  for (let index = limit; index < count && limit > 0; index++) {
    if (ranks[index]! > ranks[heap[0]!]! || order(index, heap[0]!) > 0) continue;
    heap[0] = index;
    siftDown(heap, 0, order);
  }
  return heap.sort(order);
}

function firstOf(count: number, length: number): Uint32Array {
  const items = new Uint32Array(Math.min(count, length));
  for (let index = 0; index < items.length; index++) items[index] = index;
  return items;
}

/** Restores a heap with its last item in order on top. */
function siftDown(heap: Uint32Array, start: number, order: TieBreak): void {
  const item = heap[start]!;
  let parent = start;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && order(heap[child + 1]!, heap[child]!) > 0) child++;
    if (order(heap[child]!, item) <= 0) break;
    heap[parent] = heap[child]!;
    parent = child;
  }
  heap[parent] = item;
}
