import type { RecordAttributes } from "../record-shape.ts";
import type { Stage } from "../stage.ts";

export const MODEL_STATUSES = ["LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"] as const;
export type ModelStatus = (typeof MODEL_STATUSES)[number];

export interface ModelAttributes extends RecordAttributes {
  readonly kind: "model";
  /** `m-` and 32 hex digits. */
  readonly modelId: string;
  readonly name: string;
  readonly modelType: string;
  readonly sourceRunId?: string;
  readonly artifactUri: string;
  readonly status: ModelStatus;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** Its own alone: as in MLflow, deleting and restoring its experiment does not touch it. */
  readonly stage: Stage;
  /** When it was soft-deleted, milliseconds. */
  readonly deletedMs?: number;
}
