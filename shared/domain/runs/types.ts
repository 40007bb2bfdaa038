import type { StoredInt64 } from "../int64.ts";
import type { RecordAttributes, RecordHead } from "../record.ts";

export const RUN_STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
export const ENDED: readonly RunStatus[] = ["FINISHED", "FAILED", "KILLED"];

export type Stage = "active" | "deleted";

/** What can be soft-deleted has a stage, which counts while its experiment's epoch is the one it was set in. */
export interface Staged {
  readonly stage: Stage;
  readonly stageEpoch: number;
  /** When it was soft-deleted, milliseconds. */
  readonly deletedMs?: number;
}

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

/** A dataset that a run used. `schema` and `profile` beyond 64 KB are in blobs, named here. */
export interface StoredInput {
  readonly name: string;
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema?: string;
  readonly profile?: string;
  readonly schemaBlob?: string;
  readonly profileBlob?: string;
  /** Of the texts in blobs together. */
  readonly blobBytes?: number;
  readonly tags: readonly (readonly [string, string])[];
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}
