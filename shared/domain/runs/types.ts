import type { StoredInt64 } from "../int64.ts";
import type { RecordAttributes, RecordHead } from "../record-shape.ts";
import type { Staged } from "../stage.ts";

export const RUN_STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
export const ENDED: readonly RunStatus[] = ["FINISHED", "FAILED", "KILLED"];

export interface RunAttributes extends RecordAttributes, Staged {
  readonly kind: "run";
  readonly runId: string;
  readonly name: string;
  readonly userId: string;
  readonly status: RunStatus;
  /** How often it has ended; absent: never. A run token ends with the end that follows its making, though the run go on afterwards. */
  readonly ends?: number;
  /** Milliseconds since epoch, or what the caller took for them. */
  readonly startMs: StoredInt64;
  readonly endMs?: StoredInt64;
  readonly artifactUri: string;
}

export type RunHead = RecordHead<RunAttributes>;
