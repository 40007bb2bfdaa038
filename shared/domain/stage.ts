/** Of what can be soft-deleted. */
export type Stage = "active" | "deleted";

/** What can be soft-deleted has a stage, which counts while its experiment's epoch is the one it was set in. */
export interface Staged {
  readonly stage: Stage;
  readonly stageEpoch: number;
  /** When it was soft-deleted, milliseconds. */
  readonly deletedMs?: number;
}
