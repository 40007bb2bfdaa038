import type { Clock, Ids } from "../stores/clock.ts";
import type { Stores } from "../stores/stores.ts";
import type { Memory } from "./memory.ts";

/** Everything a rule needs besides its arguments: one workspace, its stores, the clock. Its id is the first part of every partition. */
export interface Workspace {
  readonly id: string;
  readonly name: string;
  readonly stores: Stores;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly memory: Memory;
}

export function runsPartition(workspace: Workspace, id: string): string {
  return `${workspace.id}/${id}`;
}
