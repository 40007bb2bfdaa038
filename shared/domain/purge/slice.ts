import { setImmediate } from "node:timers/promises";

/** Some tens of seconds in Azure, where a step is a request or a few; a purge of any size takes as many messages as it needs. */
const STEPS = 2000;
/** On a store that answers at once nothing else is served between two steps. */
const STEPS_IN_A_ROW = 20;

/** Raised when one message has done its share: what is left is for the next one, which is due at once. */
export class SliceEnded extends Error {}

/** How much of a purge one message does. */
export class Slice {
  private left: number;

  constructor(steps = STEPS) {
    this.left = steps;
  }

  /** Steps that are left. */
  get rest(): number {
    return this.left;
  }

  /** Called before each step, that is a record, a batch of documents or a blob to be removed. @throws SliceEnded */
  async step(): Promise<void> {
    if (this.left === 0) throw new SliceEnded("This message has done its share.");
    this.left--;
    if (this.left % STEPS_IN_A_ROW === 0) await setImmediate();
  }
}
